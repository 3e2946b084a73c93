"""Addresses of the payments pages and calls."""

from __future__ import annotations

from django.urls import path, re_path

from payments.api import InitiateBookingCheckout, VerifyPayment
from payments.views import checkout, own_payments, receipts, sandbox, statements, webhooks

app_name = "payments"
urlpatterns = [
    path("checkout/", checkout.check_out, name="checkout"),
    path("orders/<slug:reference>/", checkout.show_order, name="order_detail"),
    path("orders/<slug:reference>/state/", checkout.show_order_state, name="order_state"),
    path("orders/<slug:reference>/pay/", checkout.pay_order, name="order_pay"),
    path("orders/<slug:reference>/check/", checkout.check_payments, name="payment_check"),
    path("orders/<slug:reference>/receipt/", receipts.show_receipt, name="order_receipt"),
    path("payments/", own_payments.list_payments, name="payment_list"),
    path("payments/table.csv", own_payments.download_payments, name="payment_table"),
    path("payments/return/<slug:reference>/", checkout.return_from_gateway, name="payment_return"),
    path("teaching/earnings/", statements.show_earnings, name="teaching_earnings"),
    path("teaching/statements/", statements.list_statements, name="statement_list"),
    re_path(r"^teaching/statements/(?P<month>[0-9]{4}-[0-9]{2})/$", statements.show_statement, name="statement_detail"),
    re_path(
        r"^teaching/statements/(?P<month>[0-9]{4}-[0-9]{2})/table\.csv$",
        statements.download_statement,
        name="statement_table",
    ),
    path("sandbox/pay/<str:token>", sandbox.pretend_to_pay, name="sandbox_pay"),
    re_path(r"^api/initiate-booking-checkout/?$", InitiateBookingCheckout.as_view(), name="initiate_booking_checkout"),
    re_path(r"^api/verify-payment/?$", VerifyPayment.as_view(), name="verify_payment"),
    # With and without the final slash: gateways do not follow redirects.
    re_path(r"^webhooks/(?P<gateway>[a-z0-9_]+)/?$", webhooks.take_webhook, name="webhook"),
]
