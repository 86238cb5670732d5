INSERT INTO posts VALUES (1, 'shop_order', 'wc-completed', '2024-07-01 12:00:00'), (2, 'shop_order', 'wc-pending', '2024-01-01 00:30:00'), (3, 'shop_order', 'trash', '2024-10-27 02:30:00'), (4, 'shop_order', 'wc-failed', '2024-03-31 02:30:00'), (5, 'post', 'publish', '2024-07-01 12:00:00'), (6, 'shop_order', 'wc-done', '2024-07-01 12:00:00');
INSERT INTO postmeta VALUES
 (1, 1, '_order_total', '119.00'), (2, 1, '_order_tax', '19.00'), (3, 1, '_customer_user', '7'), (4, 1, '_billing_email', 'Ann@Éxample.org'), (5, 1, '_date_paid', '1719828000'), (6, 1, '_order_total', '120.50'),
 (7, 2, '_order_total', '12,50'), (8, 2, '_order_tax', ' 1.5 '), (9, 2, '_customer_user', '0'), (10, 2, '_billing_email', ' '), (11, 2, '_date_paid', ''), (12, 5, '_order_total', '1'), (13, 3, NULL, 'x'), (14, 3, '_order_total', NULL), (15, 6, '_order_total', '5');
INSERT INTO wc_orders VALUES (6, 'kept', 1, 0, NULL, NULL, '2020-01-01 00:00:00', NULL);
