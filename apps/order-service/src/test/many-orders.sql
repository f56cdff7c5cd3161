-- Fills the tables of order-service, and what the messaging library keeps for it, as a year of orders leaves them.
-- How many: set_config('warren.orders', '<n>', false) before. On a connection whose search path is the schema, as a
-- superuser; VACUUM ANALYZE comes after.
--
-- Of a thousand orders 5 are placed and 20 await their payment, each with its deadline; of the others 87 % are
-- confirmed, 8 % cancelled, 5 % rejected and 2 in a thousand cancelled before they came. 1 to 5 lines each.

SET session_replication_role = replica; -- no checks of references, row by row
SELECT setseed(0.5);

CREATE FUNCTION pg_temp.uuid7(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
          || '8' || substr(md5(n::text), 4, 15))::uuid
$$;

CREATE TEMP TABLE asked AS
SELECT n, row_number() OVER (ORDER BY n DESC) AS age, n % 1000 AS kind,
       now() - interval '1 minute' - (total - n) * (interval '365 days' / total) AS at
  FROM (SELECT current_setting('warren.orders')::bigint AS total) AS t, generate_series(1, total) AS n;

CREATE TEMP TABLE filled AS
SELECT n, kind, id, status, CASE status WHEN 'tombstone' THEN now() - random() * interval '61 days' ELSE at END AS at
  FROM (SELECT *, pg_temp.uuid7(at, n) AS id,
               CASE WHEN age <= total * 0.005 THEN 'placed' WHEN age <= total * 0.025 THEN 'awaiting-payment'
                    WHEN kind < 2 THEN 'tombstone' WHEN kind < 50 THEN 'rejected' WHEN kind < 130 THEN 'cancelled'
                    ELSE 'confirmed' END AS status
          FROM asked, (SELECT current_setting('warren.orders')::bigint AS total) AS t) AS o;

CREATE TEMP TABLE shelf AS
SELECT row_number() OVER (ORDER BY sku) - 1 AS place, count(*) OVER () AS places, products.*
  FROM products JOIN stock USING (sku) WHERE available > 0;

INSERT INTO order_lines (order_id, position, sku, quantity, name, unit_price)
SELECT id, position, sku, 1 + n % 3,
       CASE WHEN status <> 'rejected' THEN name END, CASE WHEN status <> 'rejected' THEN unit_price END
  FROM filled, generate_series(1, 1 + n % 5) AS position, shelf
 WHERE place = (n * 7 + position) % places AND status <> 'tombstone';

INSERT INTO orders (id, customer_id, status, version, total, currency, rejection_reason, rejection_sku, accepted_at,
                    placed_at, confirmed_at, rejected_at, payment_id, payment_requested_at, pay_before, cancelled_at,
                    cancellation_reason, refund_payment_id, refund_due_at, refunded_at)
SELECT id, pg_temp.uuid7('2025-01-01', n % 100000), status,
       CASE status WHEN 'tombstone' THEN 0 WHEN 'confirmed' THEN 3 WHEN 'awaiting-payment' THEN 2
                   WHEN 'cancelled' THEN CASE WHEN refunded THEN 4 ELSE 3 END ELSE 1 END,
       CASE WHEN priced THEN bill.total END, CASE WHEN priced THEN 'EUR' END,
       CASE status WHEN 'rejected' THEN 'insufficient-stock' END, CASE status WHEN 'rejected' THEN 'SKU-SOLD-OUT' END,
       at, CASE WHEN priced THEN at END, CASE status WHEN 'confirmed' THEN at END,
       CASE status WHEN 'rejected' THEN at END,
       CASE WHEN asked THEN payment END, CASE WHEN asked THEN at END, CASE WHEN asked THEN at + interval '15 minutes' END,
       CASE status WHEN 'cancelled' THEN at END,
       CASE status WHEN 'cancelled' THEN (ARRAY ['payment-declined', 'payment-expired', 'customer'])[1 + n % 3] END,
       CASE WHEN owed THEN payment END, CASE WHEN owed THEN at END, CASE WHEN refunded THEN at END
  FROM (SELECT *, status NOT IN ('rejected', 'tombstone') AS priced,
               status IN ('awaiting-payment', 'confirmed', 'cancelled') AS asked,
               status = 'cancelled' AND kind < 55 AS owed,
               status = 'cancelled' AND kind < 55 AND n % 100000 <> 50 AS refunded,
               'pay_' || replace(id::text, '-', '') AS payment
          FROM filled) AS o
  LEFT JOIN (SELECT order_id, sum(quantity * unit_price) AS total FROM order_lines GROUP BY order_id) AS bill
         ON bill.order_id = o.id
 ORDER BY n;

INSERT INTO payment_tokens (order_id, token) SELECT id, 'tok_never' FROM filled WHERE status = 'placed';

INSERT INTO scheduled_messages (id, key, due_at, aggregate, exchange, routing_key, must_be_routed, body, headers)
SELECT message, 'order:' || id || ':deadline', due, 'order:' || id, 'order-service.process', 'order.expire.v1', true,
       json_build_object(
         'specversion', '1.0', 'id', message, 'source', '/warren/order-service', 'type', 'order.expire.v1',
         'subject', id, 'time', to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         'datacontenttype', 'application/json', 'dataschema', 'http://127.0.0.1:7080/schemas/order.expire.v1.json',
         'sequence', CASE status WHEN 'placed' THEN '0000000001' ELSE '0000000002' END, 'correlationid', message,
         'data', json_build_object('orderId', id, 'step', status))::text,
       '{}'
  FROM (SELECT id, status, due, pg_temp.uuid7(due, n) AS message
          FROM (SELECT *, now() + interval '1 hour' + random() * interval '15 minutes' AS due FROM filled) AS f
         WHERE status IN ('placed', 'awaiting-payment')) AS waiting;

-- Handled messages, as many as orders, in the partition of today, which all claims go to.
INSERT INTO inbox (message_id, consumer)
SELECT pg_temp.uuid7(midnight + random() * (now() - midnight), n),
       (ARRAY ['order-service.commands', 'order-service.payments', 'order-service.payment-results'])[1 + n % 3]
  FROM filled, (SELECT date_trunc('day', now(), 'UTC') AS midnight) AS today
    ON CONFLICT DO NOTHING;

DROP TABLE asked, filled, shelf;
SET session_replication_role = origin;
