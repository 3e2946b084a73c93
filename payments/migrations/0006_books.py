"""Numbers for the receipts of money that came before there were numbers, and an account that nobody rewrites."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

NUMBER = """
WITH found AS (
    SELECT id, {at} AS at, extract(year FROM {at} AT TIME ZONE %s)::int AS year
    FROM {table} WHERE status = 'succeeded' AND receipt_number IS NULL
), counted AS (
    SELECT id, year, (row_number() OVER (PARTITION BY year ORDER BY at, id))::text AS number FROM found
), counters AS (
    INSERT INTO payments_receiptcounter (kind, year, last)
    SELECT '{kind}', year, count(*) FROM counted GROUP BY year
)
UPDATE {table} SET receipt_number = '{letter}-' || counted.year || '-' || lpad(counted.number, greatest(6, length(counted.number)), '0')
FROM counted WHERE counted.id = {table}.id
"""

KEEP = """
CREATE FUNCTION payments_keep_earning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a line of an account is never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.booking_id, NEW.tutor_id, NEW.kind, NEW.currency, NEW.gross, NEW.fee_percent, NEW.fee, NEW.net, NEW.why,
        NEW.created_at) IS DISTINCT FROM (OLD.booking_id, OLD.tutor_id, OLD.kind, OLD.currency, OLD.gross,
        OLD.fee_percent, OLD.fee, OLD.net, OLD.why, OLD.created_at)
        OR (OLD.due_at IS NOT NULL AND NEW.due_at IS DISTINCT FROM OLD.due_at) THEN
        RAISE EXCEPTION 'a line of an account is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.payout_id IS DISTINCT FROM OLD.payout_id THEN
        IF EXISTS (SELECT FROM payments_payout WHERE id IN (OLD.payout_id, NEW.payout_id) AND status = 'paid') THEN
            RAISE EXCEPTION 'a payout that was paid is never changed' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.payout_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments_payout WHERE id = NEW.payout_id
            AND tutor_id = NEW.tutor_id AND currency = NEW.currency) THEN
            RAISE EXCEPTION 'a payout is for one tutor in one currency' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payments_keep_earning BEFORE UPDATE OR DELETE ON payments_earning
FOR EACH ROW EXECUTE FUNCTION payments_keep_earning();

CREATE FUNCTION payments_keep_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'paid' THEN
        RAISE EXCEPTION 'a payout that was paid is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF (NEW.reference, NEW.tutor_id, NEW.currency, NEW.amount, NEW.until, NEW.made_at)
        IS DISTINCT FROM (OLD.reference, OLD.tutor_id, OLD.currency, OLD.amount, OLD.until, OLD.made_at) THEN
        RAISE EXCEPTION 'what a payout comes to is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payments_keep_payout BEFORE UPDATE OR DELETE ON payments_payout
FOR EACH ROW EXECUTE FUNCTION payments_keep_payout();
"""
LET_GO = """
DROP TRIGGER payments_keep_payout ON payments_payout;
DROP FUNCTION payments_keep_payout();
DROP TRIGGER payments_keep_earning ON payments_earning;
DROP FUNCTION payments_keep_earning();
"""


def number_what_came(apps: Any, schema_editor: Any) -> None:
    zone = timezone.get_default_timezone_name()
    for table, kind, letter, at in [
        ("payments_payment", "payment", "R", "succeeded_at"),
        ("payments_refund", "refund", "C", "finished_at"),
    ]:
        schema_editor.execute(NUMBER.format(table=table, kind=kind, letter=letter, at=at), [zone])


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_refunds_are_capped")]

    operations = [
        migrations.AddIndex(
            "payment",
            models.Index(
                fields=["succeeded_at"],
                condition=Q(status="succeeded", receipt_number=None),
                name="payment_without_number",
            ),
        ),
        migrations.AddIndex(
            "refund",
            models.Index(
                fields=["finished_at"], condition=Q(status="succeeded", receipt_number=None), name="refund_without_number"
            ),
        ),
        migrations.AddIndex(
            "earning",
            models.Index(fields=["booking"], condition=Q(due_at=None), name="earning_not_due"),
        ),
        migrations.RunSQL(KEEP, LET_GO),
        migrations.RunPython(number_what_came, migrations.RunPython.noop, elidable=True),
    ]
