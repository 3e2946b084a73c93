"""What goes back of a payment is counted where nobody can forget it: `payment_refunds_within_received` then caps it."""

from __future__ import annotations

from django.db import migrations

COUNT = """
CREATE FUNCTION payments_count_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
    after bigint := 0;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.payment_id <> OLD.payment_id THEN
        RAISE EXCEPTION 'a refund belongs to its payment for good';
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'failed' THEN
        before := OLD.amount;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status <> 'failed' THEN
        after := NEW.amount;
    END IF;
    IF after <> before THEN  -- by difference: whoever waits here for the row's lock adds to what the other one wrote
        UPDATE payments_payment SET refunded_amount = refunded_amount + after - before
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.payment_id ELSE NEW.payment_id END;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER payments_count_refund AFTER INSERT OR UPDATE OR DELETE ON payments_refund
FOR EACH ROW EXECUTE FUNCTION payments_count_refund();
UPDATE payments_payment SET refunded_amount = counted.amount
FROM (SELECT payment_id, sum(amount) AS amount FROM payments_refund WHERE status <> 'failed' GROUP BY payment_id) counted
WHERE counted.payment_id = payments_payment.id;
"""
UNCOUNT = """
DROP TRIGGER payments_count_refund ON payments_refund;
DROP FUNCTION payments_count_refund();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_money_whole")]

    operations = [migrations.RunSQL(COUNT, UNCOUNT)]
