"""From purges and legal holds to what callers are shown."""

from attache.wire.purges import HoldView, PackagePlaceView, PurgeView
from gateway.exchange.ending.legal_hold import Hold
from gateway.exchange.ending.purge_order import Order


def purge_view(order: Order) -> PurgeView:
    """An order to purge."""
    same = ("purge_id", "state", "ordered_by", "ordered_at", "expires_at", "decided_by", "decided_at")
    return PurgeView(
        packages=[PackagePlaceView(**vars(place)) for place in order.places],
        legal_basis=order.legal_basis,
        note=order.note,
        decision=order.decision,
        **{name: getattr(order.record, name) for name in same},
    )


def hold_view(hold: Hold) -> HoldView:
    """A legal hold."""
    same = ("hold_id", "placed_by", "placed_at", "lifted_by", "lifted_at")
    return HoldView(
        packages=[PackagePlaceView(originator=row.originator, package_id=row.package_id) for row in hold.rows],
        legal_basis=hold.legal_basis,
        note=hold.note,
        lifting=hold.lifting,
        **{name: getattr(hold.rows[0], name) for name in same},
    )
