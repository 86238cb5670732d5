INSERT INTO rules VALUES (1,'a','{"match":"all","conditions":[{"id":"sentry.rules.EveryEvent"},{"id":"sentry.rules.EventFrequency","value":5,"interval":"1h"}],"actions":[{"id":"notify","target":{"type":"Owner"}}]}');
INSERT INTO rules VALUES (2,'b','{"conditions":[],"actions":[]}'),
  (3,'c','{"actions":[{"id":"notify","target":{"type":"Team","ident":4}}]}');
INSERT INTO rules VALUES (4,'d','{"conditions":[{"id":"sentry.rules.EventFrequency","value":"7","interval":"30d"}],"frequency":30}');
