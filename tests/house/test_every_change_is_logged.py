"""Every place in the gateway that writes, in the use cases and anywhere else, and the events that it logs of its own. A place without a row here fails.

That no transaction changes a record without an entry is the store's doing (tests/store/test_store_rows.py); that the entry says
what happened is what this table is for. BOOKKEEPING changes nothing that a partner or an officer would ask about.
"""

import ast
import re
from pathlib import Path

import gateway
from gateway.exchange_log import EventCode

FOLDER = Path(gateway.__file__).parent
STORE = FOLDER / "store"
BOOKKEEPING = "records.changed"

CHANGES = {
    "activate.activate_policies": {"policy.activated", "policy.refused"},
    "activate.load_policies_in_force": {"policy.activated", "policy.refused"},
    "activate.propose_policies": {"policy.proposed", "policy.refused"},
    "arriving_blocks.take_blocks": {BOOKKEEPING},
    "arriving_blocks.take_hashes": {BOOKKEEPING},
    "hold.lift_hold": {"hold.lifted"},
    "hold.place_hold": {"hold.placed"},
    "purge.finish_purges": {BOOKKEEPING},
    "purge_order.approve_purge": {"purge.approved", "package.purged", "purge.done", "package.expired"},
    "purge_order.order_purge": {"purge.ordered"},
    "purge_order.reject_purge": {"purge.rejected"},
    "retention.expire_releases": {"package.expired"},
    "retention.purge_arrivals": {"package.purged", "purge.done", "package.expired"},
    "retention.purge_packages": {"package.purged", "purge.done"},
    "officers.reinstate_officer": {"officer.reinstated"},
    "officers.withdraw_officer": {"officer.withdrawn"},
    "refused_requests.approval_refusal_logged": {"approval.refused"},
    "refused_requests.submission_refusal_logged": {"submission.refused"},
    "refuse.refused_with_receipt": {"package.refused-by-us"},
    "review.record_review": {"review.done"},
    "submit.dry_run_logged": {"decision.dry-run"},
    "upkeep.keep_up": {"review.overdue", "approval.lapsed", "purge.lapsed"},
    "acknowledge.ensure_receipt": {"receipt.signed"},
    "approve.answer_approval": {"package.approved", "package.rejected", "approval.voided"},
    "audit.search_log": {"log.searched"},
    "collect._log_leaving": {"package.exported", "package.collected"},
    "consent.accept_consent": {"consent.given"},
    "consent_log.rejection_logged": {"consent.rejected"},
    "consent_refusals.accept_refusal": {"consent.refused"},
    "consent_refusals.refuse_consent": {"consent.refused"},
    "consent.grant_consent": {"consent.given"},
    "deliver.claim": {BOOKKEEPING},
    "deliver.settle": {BOOKKEEPING},
    "deliver.postpone": {BOOKKEEPING},
    "deliver._give_up": {"package.undeliverable"},
    "evidence.export_evidence": {"evidence.exported"},
    "export_log.export_log": {"log.exported"},
    "follow_log.follow_log": {"log.searched"},
    "preview.preview_part": {"approval.read"},
    "participants.set_status": {"participant.suspended", "participant.reinstated"},
    "read.open_arrival": {"package.opened", "package.read", "consent.asked", "consent.rejected"},
    "read.read_part": {"package.read"},
    "receipts.accept_receipt": {"receipt.stored", "package.delivered", "package.refused", "package.opened-by-partner"},
    "receive._begin": {"package.announced"},
    "receive._fill": {BOOKKEEPING},
    "receive._take_whole": {"package.received"},
    "receive.complete_package": {"package.received"},
    "engine_failures.engine_failure_logged": {"package.denied"},
    "self_check._conclude": {"log.checked", "log.alarm"},
    "submit.create_package": {
        "consent.asked",
        "package.submitted",
        "package.decided",
        "package.released",
        "package.held",
        "package.denied",
    },
    "submit.submit_package": {
        "package.submitted",
        "package.decided",
        "package.released",
        "package.held",
        "package.denied",
    },
    "submit.upload_part": {BOOKKEEPING},
    "use.require_use": {"package.use-denied"},
    "witness.add_checkpoint": {"witness.cosigned", "witness.refused", "witness.alarm"},
    "witnessed.begin": {BOOKKEEPING},
    "witnessed.clear_alarms": {"witness.cleared"},
    "witnessed.note_stale": {"witness.alarm"},
    "audit.entry_of": {"log.searched"},
    "backup.take_backup": {"backup.taken"},
    "inspection.note_inspection": {"packages.inspected"},
    "lifecycle.note_started": {"settings.changed", "gateway.started"},
    "lifecycle.note_stopped": {"gateway.stopped"},
    "participants.accept_successor": {"participant.rotated"},
    "refusals.flush": {"session.refused", "access.refused", "certificate.refused"},
    "sign_ins.note": {"session.signed-in"},
    "__main__._init": {"participant.admitted", "participant.rotated", "key.rotated", "policy.activated"},
    "policy_commands._activate": {"policy.proposed", "policy.activated", "policy.refused"},
    "witnessed.settle": {"witness.obtained", "witness.refused", "witness.alarm"},
}


def writers() -> set[str]:
    """module.function of every call of `store.write`, nested functions counting as their outermost."""
    found = set()
    for path in sources():
        for scope in _functions(ast.parse(path.read_text("utf-8"))):
            calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
            if any(re.search(r"(^|\.|_)store\.write$", ast.unparse(call.func)) for call in calls):
                found.add(f"{path.stem}.{scope.name}")
    return found


def sources() -> list[Path]:
    """Every module but the store's own."""
    return [path for path in FOLDER.rglob("*.py") if STORE not in path.parents]


def _functions(tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_place_that_writes_has_a_row():
    assert writers() == set(CHANGES)


def test_the_events_are_of_the_catalogue_and_named_in_the_code():
    source = "\n".join(path.read_text("utf-8") for path in sources())
    for place, codes in CHANGES.items():
        for code in codes - {BOOKKEEPING}:
            assert f"EventCode.{EventCode(code).name}" in source, place
