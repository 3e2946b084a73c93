"""History is written once: the database itself refuses to alter or delete a line."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION bookings_refuse_rewriting_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is written once and never altered' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER change_is_written_once BEFORE UPDATE OR DELETE ON bookings_change
    FOR EACH ROW EXECUTE FUNCTION bookings_refuse_rewriting_history();
"""
ALLOW = """
DROP TRIGGER change_is_written_once ON bookings_change;
DROP FUNCTION bookings_refuse_rewriting_history();
"""


class Migration(migrations.Migration):
    dependencies = [("bookings", "0001_initial")]
    operations = [migrations.RunSQL(REFUSE, ALLOW)]
