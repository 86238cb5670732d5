CREATE TABLE "Order Details" ("Order ID" INTEGER NOT NULL, "group" TEXT NOT NULL, "Unit Price" NUMERIC(8,2), PRIMARY KEY ("Order ID", "group"));
INSERT INTO "Order Details" VALUES (1, 'a', NULL), (1, 'b', 2), (2, 'a', NULL);
