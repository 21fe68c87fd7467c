"""Every place in the gateway that writes, in the use cases and anywhere else, and the events that it logs of its own. A place without a row here fails.

That no transaction changes a record without an entry is the store's doing (tests/store/test_store_rows.py); that the entry says
what happened is what this table is for. BOOKKEEPING changes nothing that a partner or an officer would ask about.
"""

import ast
import re
from pathlib import Path

import gateway
from gateway.exchange_log.events import CATALOGUE, EventCode

FOLDER = Path(gateway.__file__).parent
STORE = FOLDER / "store"
CLASSES = FOLDER / "exchange_log" / "events"
COMMIT = (FOLDER / "exchange/kernel/work.py", FOLDER / "exchange/kernel/agency.py")
BOOKKEEPING = "records.changed"

CHANGES = {
    "exchange.oversight.policies.activate_policies": {"policy.activated", "policy.refused"},
    "exchange.oversight.policies.load_policies_in_force": {"policy.activated", "policy.refused"},
    "exchange.oversight.policies.propose_policies": {"policy.proposed", "policy.refused"},
    "exchange.arriving.blocks.take_blocks": {BOOKKEEPING},
    "exchange.arriving.blocks.take_hashes": {BOOKKEEPING},
    "exchange.ending.legal_hold.lift_hold": {"hold.lifted"},
    "exchange.ending.legal_hold.place_hold": {"hold.placed"},
    "exchange.ending.purge.finish_purges": {BOOKKEEPING},
    "exchange.ending.purge_order.approve_purge": {"purge.approved", "package.purged", "purge.done", "package.expired"},
    "exchange.ending.purge_order.order_purge": {"purge.ordered"},
    "exchange.ending.purge_order.reject_purge": {"purge.rejected"},
    "exchange.ending.retention.expire_releases": {"package.expired"},
    "exchange.ending.retention.purge_arrivals": {"package.purged", "purge.done", "package.expired"},
    "exchange.ending.retention.purge_packages": {"package.purged", "purge.done"},
    "exchange.kernel.officers.reinstate_officer": {"officer.reinstated"},
    "exchange.kernel.officers.withdraw_officer": {"officer.withdrawn"},
    "exchange.kernel.refused_requests.approval_refusal_logged": {"approval.refused"},
    "exchange.kernel.refused_requests.submission_refusal_logged": {"submission.refused"},
    "exchange.arriving.refuse.refused_with_receipt": {"package.refused-by-us"},
    "exchange.outgoing.review.record_review": {"review.done"},
    "exchange.outgoing.submit.dry_run_logged": {"decision.dry-run"},
    "upkeep.keep_up": {"review.overdue", "approval.lapsed", "purge.lapsed"},
    "exchange.receipts.issue.ensure_receipt": {"receipt.signed"},
    "exchange.outgoing.approve.answer_approval": {"package.approved", "package.rejected", "approval.voided"},
    "exchange.oversight.audit.search_log": {"log.searched"},
    "exchange.outgoing.mailbox._log_leaving": {"package.exported", "package.collected"},
    "exchange.consents.give.accept_consent": {"consent.given"},
    "exchange.consents.entries.rejection_logged": {"consent.rejected"},
    "exchange.consents.refuse.accept_refusal": {"consent.refused"},
    "exchange.consents.refuse.refuse_consent": {"consent.refused"},
    "exchange.consents.give.grant_consent": {"consent.given"},
    "exchange.delivering.outbox.claim": {BOOKKEEPING},
    "exchange.delivering.outbox.settle": {BOOKKEEPING},
    "exchange.delivering.outbox._postpone": {BOOKKEEPING},
    "exchange.delivering.outbox._give_up": {"package.undeliverable"},
    "exchange.oversight.evidence.export_evidence": {"evidence.exported"},
    "exchange.oversight.export_log.export_log": {"log.exported"},
    "exchange.oversight.follow_log.follow_log": {"log.searched"},
    "exchange.outgoing.preview.preview_part": {"approval.read"},
    "exchange.oversight.participants.set_status": {"participant.suspended", "participant.reinstated"},
    "exchange.arriving.read.open_arrival": {"package.opened", "package.read", "consent.asked", "consent.rejected"},
    "exchange.arriving.read.read_part": {"package.read"},
    "exchange.receipts.accept.accept_receipt": {
        "receipt.stored",
        "package.delivered",
        "package.refused",
        "package.opened-by-partner",
    },
    "exchange.arriving.receive._begin": {"package.announced"},
    "exchange.arriving.receive._fill": {BOOKKEEPING},
    "exchange.arriving.receive._take_whole": {"package.received"},
    "exchange.arriving.receive.complete_package": {"package.received"},
    "exchange.outgoing.engine_failures.engine_failure_logged": {"package.denied"},
    "exchange.oversight.self_check._conclude": {"log.checked", "log.alarm"},
    "exchange.outgoing.submit.create_package": {
        "consent.asked",
        "package.submitted",
        "package.decided",
        "package.released",
        "package.held",
        "package.denied",
    },
    "exchange.outgoing.submit.submit_package": {
        "package.submitted",
        "package.decided",
        "package.released",
        "package.held",
        "package.denied",
    },
    "exchange.outgoing.submit.upload_part": {BOOKKEEPING},
    "exchange.arriving.use.require_use": {"package.use-denied"},
    "exchange.witnessing.cosign.add_checkpoint": {"witness.cosigned", "witness.refused", "witness.alarm"},
    "exchange.witnessing.be_cosigned.begin": {BOOKKEEPING},
    "exchange.witnessing.be_cosigned.clear_alarms": {"witness.cleared"},
    "exchange.witnessing.be_cosigned.note_stale": {"witness.alarm"},
    "exchange.oversight.audit.entry_of": {"log.searched"},
    "exchange.oversight.backup.take_backup": {"backup.taken"},
    "exchange.oversight.inspection.note_inspection": {"packages.inspected"},
    "exchange.oversight.lifecycle.note_started": {"settings.changed", "gateway.started"},
    "exchange.oversight.lifecycle.note_stopped": {"gateway.stopped"},
    "exchange.oversight.participants.accept_successor": {"participant.rotated"},
    "exchange.kernel.refusals.flush": {"session.refused", "access.refused", "certificate.refused"},
    "exchange.kernel.sign_ins.note": {"session.signed-in"},
    "__main__._init": {"participant.admitted", "participant.rotated", "key.rotated", "policy.activated"},
    "policy_commands._activate": {"policy.proposed", "policy.activated", "policy.refused"},
    "exchange.witnessing.be_cosigned.settle": {"witness.obtained", "witness.refused", "witness.alarm"},
}


def writers() -> set[str]:
    """module.function of every call that commits, nested functions counting as their outermost."""
    found = set()
    for path in sources():
        for scope in _functions(ast.parse(path.read_text("utf-8"))):
            calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
            if any(
                re.search(r"(^|\.|_)(store\.write|agency\.commit)$|^commit$", ast.unparse(call.func)) for call in calls
            ):
                module = ".".join(path.relative_to(FOLDER).with_suffix("").parts)
                found.add(f"{module}.{scope.name}")
    return found


def sources() -> list[Path]:
    """Every module but the store's own, the classes of events, and what all use cases commit by."""
    return [path for path in FOLDER.rglob("*.py") if not {STORE, CLASSES} & {*path.parents} and path not in COMMIT]


def _functions(tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# exchange-log N1
def test_every_place_that_writes_has_a_row():
    assert writers() == set(CHANGES)


def test_the_events_are_of_the_catalogue_and_made_in_the_code():
    source = "\n".join(path.read_text("utf-8") for path in sources())
    for place, codes in CHANGES.items():
        for code in codes - {BOOKKEEPING}:
            assert re.search(rf"\b{CATALOGUE[EventCode(code)].__name__}\b", source), place
