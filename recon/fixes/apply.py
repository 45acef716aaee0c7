"""Apply: what is approved takes effect in its target, once, whatever is killed, lost or tried again in between.

Reads   the queue (recon/fixes/queue.py), the breaks, the targets
Writes  the effect and its key in the target, and what became of the fix in the queue: in one transaction where both are
        in one database, else effect and key first and then the queue, with a look for the key before and after
Never   tries again what may have happened without looking; lets one fix hold up another; applies a fix whose break is gone

A fix is in the hands of one applier (a lease in the queue). When that one is killed its lease runs out, and the next one
looks by key what became of it.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
import tenacity

from recon.domain.queue import READY, Policy, Status
from recon.errors import UnreachableError
from recon.fixes import breaker, queue
from recon.fixes.queue import Claim, QueuedFix
from recon.fixes.targets import (
    DatabaseTarget,
    Effect,
    MovedError,
    Receipt,
    RefusedError,
    Target,
    TemporaryError,
    UnknownError,
    effect_of,
)
from recon.fixes.targets.database import engine as target_engine
from recon.fixes.targets.database import same_database, transaction
from recon.store.audit import lock
from recon.store.state import breaks, fixes

log = logging.getLogger(__name__)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long. `tries`: the last one that fails makes a dead letter, and so does the death of the last applier.

    lease    how long an applier keeps what it took in hand; far longer than a batch takes
    batch    how many it takes at once; of what goes to a queue or an address, and of what is in doubt, it takes one
    """

    tries: int = 8
    first_wait: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(hours=1)
    lease: timedelta = timedelta(minutes=5)
    batch: int = 20
    state_tries: int = 6  # for the state database itself

    def wait(self, attempt: int) -> timedelta:
        """Before the next try: doubling, with jitter, so that many fixes do not come back at once."""
        first, longest = self.first_wait.total_seconds(), self.longest_wait.total_seconds()
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = max(attempt, 1)
        return timedelta(seconds=tenacity.wait_exponential_jitter(multiplier=first, max=longest, jitter=first)(state))


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one fix. `outcome`: applied, found (it was there already), failed, dead_letter, superseded, passed."""

    fix_id: str
    outcome: str
    target: str
    why: str


@dataclass(slots=True)
class Applied:
    """What one run of an applier came to. `waiting`: targets that are left alone, with why."""

    done: list[Done] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    unrouted: dict[str, str] = field(default_factory=dict)  # fix_id -> why nothing takes it

    def count(self, *outcomes: str) -> int:
        return sum(each.outcome in outcomes for each in self.done)


class NotInHandError(Exception):
    """Another applier has the fix by now: what became of it is for that one to say."""


class Applier:
    """One of any number of appliers of one queue.

    state        the engine of the state database, and `state_url` what it was made of
    targets      by name; None for one whose fixes are done by hand
    route        the name of a fix's target (`recon.fixes.route.Routes.of`), None where there is none
    who          the name in the trail; it applies nothing that it approved itself
    night_ends   the instant at which a night ends
    booked_at    the instant that corrections bear in the books; None: the moment of applying
    clock        the moment now, in UTC
    """

    def __init__(
        self,
        state: sa.Engine,
        state_url: str,
        targets: Mapping[str, Target | None],
        route: Callable[[str, str, Mapping[str, Any]], str | None],
        policy: Policy,
        who: str,
        night_ends: Callable[[date], datetime],
        booked_at: datetime | None = None,
        limits: Limits = Limits(),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        engine_of: Callable[[str], sa.Engine] = target_engine,
    ) -> None:
        self.state, self.targets, self.route = state, targets, route
        self.policy, self.who, self.night_ends = policy, who, night_ends
        self.booked_at, self.limits, self.clock = booked_at, limits, clock
        self.token = uuid.uuid4().hex
        self._engine_of = engine_of
        self._engines: dict[str, sa.Engine] = {}
        self._shared = {
            name
            for name, target in targets.items()
            if isinstance(target, DatabaseTarget) and same_database(target.url, state_url)
        }
        self._passed: set[str] = set()
        self._failing: set[str] = set()  # targets that failed lately, here or elsewhere: a success forgets it

    def close(self) -> None:
        """End every connection to the targets."""
        for engine in self._engines.values():
            engine.dispose()
        for target in self.targets.values():
            if target is not None and not isinstance(target, DatabaseTarget):
                target.close()

    # --- a run ---

    def run(self, only: Iterable[str] | None = None, limit: int | None = None) -> Applied:
        """Apply what is ready, until nothing is. Raises UnreachableError where the state database does not answer."""
        chosen = None if only is None else set(only)
        came = Applied()
        while limit is None or len(came.done) < limit:
            claims = self._claim(came, chosen, None if limit is None else limit - len(came.done))
            if not claims:
                break
            alone = dict(came.waiting)
            for claim in claims:
                done = self._one(claim, alone)
                if done is not None:
                    came.done.append(done)
            came.waiting.update(alone)
        return came

    def _claim(self, came: Applied, only: set[str] | None, limit: int | None) -> list[Claim]:
        """Take the next fixes in hand: those of one target, of no target that is left alone."""

        def work(connection: sa.Connection) -> tuple[list[Claim], list[Done]]:
            now = self.clock()
            lock(connection)
            name, ids = self._next(connection, came, only, now)
            if not ids:
                return [], []
            size = min(len(ids), limit or len(ids))
            until = now + self.limits.lease
            taken = queue.claim(connection, self.token, self.who, self.policy, now, until, size, ids[:size])
            return taken.given, [Done(each.fix_id, "passed", name, each.why) for each in taken.passed]

        while True:
            given, passed = self._state(work)
            came.done += passed
            self._passed.update(each.fix_id for each in passed)
            if given or not passed:
                return given

    def _next(
        self, connection: sa.Connection, came: Applied, only: set[str] | None, now: datetime
    ) -> tuple[str, list[str]]:
        """The target and the fixes of the next batch."""
        rooms: dict[str, int | None] = {}
        ids: list[str] = []
        target, most = "", 0
        columns = (fixes.c.fix_id, fixes.c.reconciliation, fixes.c.template, fixes.c.content, fixes.c.claimed_by)
        for fix_id, reconciliation, template, content, claimed_by in connection.execute(
            sa.select(*columns).where(queue.claimable(now)).order_by(*queue.claim_order())
        ):
            if claimed_by is not None and ids:
                break  # what is in doubt is taken alone: should it kill this applier too, it takes no other with it
            if fix_id in self._passed or (only is not None and fix_id not in only):
                continue
            name = self._routed(fix_id, (reconciliation, template, json.loads(content)), came)
            if name is None or name in came.waiting:
                continue
            if name not in rooms:
                if target:
                    continue  # one target a batch
                known = breaker.read(connection).get(name)
                rooms[name] = breaker.room(connection, name, now) if known is not None else None
                if known is not None:
                    self._failing.add(name)
                if known is not None and rooms[name] == 0:
                    came.waiting[name] = known.error
                    continue
                target = name
                alone = rooms[name] == 1 or not isinstance(self.targets[name], DatabaseTarget) or claimed_by is not None
                most = 1 if alone else self.limits.batch
            if name != target:
                continue
            ids.append(fix_id)
            if len(ids) == most:
                break
        return target, ids

    def _target(self, fix: QueuedFix) -> str | None:
        return self.route(fix.reconciliation, fix.template, fix.content)

    def _routed(self, fix_id: str, of: tuple[str, str, Mapping[str, Any]], came: Applied) -> str | None:
        """The target that a fix goes to; noted where there is none, or where people do it by hand."""
        if fix_id in came.unrouted:
            return None
        name = self.route(*of)
        if name is None:
            came.unrouted[fix_id] = "no target in recon.yaml takes it"
        elif self.targets.get(name) is None:
            came.unrouted[fix_id] = f"{name} is done by hand: recon fixes hand-out"
            return None
        return name

    # --- one fix ---

    def _one(self, claim: Claim, alone: dict[str, str]) -> Done | None:
        """What becomes of one fix. `alone`: targets that began to fail meanwhile; what was taken for them is given back."""
        fix = claim.fix
        name = self._target(fix) or ""
        try:
            if name in alone:
                self._in_hand(fix, lambda connection: queue.release(connection, fix.fix_id, self.token))
                return None
            return self._tried(claim, name, alone)
        except NotInHandError:
            return None
        except UnreachableError:
            raise
        except Exception as error:  # whatever one fix meets must not hold up the others
            log.exception("%s", fix.fix_id)
            return self._failed(fix, name, f"{type(error).__name__}: {error}")

    def _tried(self, claim: Claim, name: str, alone: dict[str, str]) -> Done:
        fix, target = claim.fix, self.targets[name]
        assert target is not None, name
        if claim.in_doubt and fix.attempts > self.limits.tries:
            return self._dead(fix, name, _KILLED.format(fix.attempts - 1, name, fix.idempotency_key))
        try:
            effect = self._effect(fix)
            if isinstance(target, DatabaseTarget):
                done = (
                    self._together(fix, name, target, effect)
                    if name in self._shared
                    else self._apart(claim, name, target, effect)
                )
            else:
                done = self._sent(claim, name, target, effect)
        except MovedError as moved:
            return self._superseded(fix, name, str(moved))
        except RefusedError as refused:
            return self._dead(fix, name, str(refused))
        except TemporaryError as temporary:
            why = str(temporary)
            if self._state(lambda connection: self._broke(connection, name, why)):
                alone[name] = why
            if isinstance(temporary, _DoubtError):
                return self._kept(fix, name, why)
            return self._failed(fix, name, why)
        return done

    def _broke(self, connection: sa.Connection, name: str, error: str) -> bool:
        lock(connection)
        self._failing.add(name)
        return breaker.failed(connection, name, error, self.clock())

    def _effect(self, fix: QueuedFix) -> Effect:
        return effect_of(
            fix.content,
            fix_id=fix.fix_id,
            break_id=fix.break_id,
            reconciliation=fix.reconciliation,
            template=fix.template,
            idempotency_key=fix.idempotency_key,
            content_sha256=fix.content_sha256,
            night_ends=self.night_ends(fix.seen_on),
            booked_at=self.booked_at or self.clock(),
            approved_by=fix.approved_by or "",
            applied_by=self.who,
        )

    def _still_broken(self, connection: sa.Connection, fix: QueuedFix) -> None:
        """Raise MovedError where the break is gone, closed by the newest night or a person, or has another fix by now."""
        state = connection.execute(sa.select(breaks.c.state).where(breaks.c.break_id == fix.break_id)).scalar()
        if state is None or state == "resolved":
            raise MovedError(f"its break is {'not known any more' if state is None else 'resolved'}")
        other = queue.overtaken(connection, fix)
        if other:
            raise MovedError(other)

    # --- queue and target in one database ---

    def _together(self, fix: QueuedFix, name: str, target: DatabaseTarget, effect: Effect) -> Done:
        """Effect, key and the queue's state in one transaction; a lost answer to COMMIT is resolved by looking."""
        try:
            with transaction(self.state) as connection:
                self._own(connection, fix)
                found = target.look(connection, effect)
                if found is None:
                    self._still_broken(connection, fix)
                receipt = found or target.put(connection, effect)
                return self._done(connection, fix, name, receipt)
        except UnknownError:
            # The lock that the look takes waits for the lost transaction to end: what it says is the last word.
            return self._state(lambda connection: self._what_became(connection, fix, name))

    def _what_became(self, connection: sa.Connection, fix: QueuedFix, name: str) -> Done:
        lock(connection)
        now = queue.get(connection, fix.fix_id)
        if now.status is Status.APPLIED:
            return Done(fix.fix_id, "applied", name, str((now.receipt or {}).get("reference", "")))
        if now.claimed_by != self.token:
            raise NotInHandError
        raise TemporaryError("the answer to COMMIT was lost, and it did not commit")

    # --- queue here, target there ---

    def _apart(self, claim: Claim, name: str, target: DatabaseTarget, effect: Effect) -> Done:
        """A look for the key, the effect with its key, and only then the queue."""
        fix, engine = claim.fix, self._engine(target.url)

        def look() -> Receipt | None:
            with transaction(engine) as connection:
                return target.look(connection, effect)

        with _doubted(claim.in_doubt):
            receipt = look()
        if receipt is None:
            self._in_hand(fix, lambda connection: self._still_broken(connection, fix))
            try:
                with transaction(engine) as connection:
                    receipt = target.put(connection, effect)
            except (RefusedError, UnknownError) as error:
                # The key may be there: by another applier's hand, or by a COMMIT whose answer was lost.
                unknown = isinstance(error, UnknownError)
                with _doubted(unknown):
                    receipt = self._looked(look)
                if receipt is None:
                    raise _DoubtError(str(error)) if unknown else error from error
        return self._finish(fix, name, receipt)

    def _looked(self, look: Callable[[], Receipt | None]) -> Receipt | None:
        """A look that does not give up at once: the server may be coming back."""
        again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(4),
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
            retry=tenacity.retry_if_exception_type((TemporaryError, UnknownError)),
            reraise=True,
        )
        try:
            return again(look)
        except UnknownError as error:
            raise TemporaryError(str(error)) from error

    # --- a queue or an address ---

    def _sent(self, claim: Claim, name: str, target: Any, effect: Effect) -> Done:
        fix = claim.fix
        with _doubted(claim.in_doubt):
            receipt = target.look(effect) if target.looks else None
        if receipt is None:
            self._in_hand(fix, lambda connection: self._still_broken(connection, fix))
            if claim.in_doubt and not (target.looks or target.deduplicates):
                return self._dead(fix, name, _DOUBT.format("an applier was killed while it had it in hand"))
            try:
                receipt = target.send(effect)
            except UnknownError as error:
                if target.looks or target.deduplicates:
                    raise _DoubtError(str(error)) from error
                return self._dead(fix, name, _DOUBT.format(error))
        return self._finish(fix, name, receipt)

    # --- the queue's words ---

    def _own(self, connection: sa.Connection, fix: QueuedFix) -> None:
        """The trail's lock; raise NotInHandError where the fix is another's by now."""
        lock(connection)
        statement = sa.select(fixes.c.claimed_by).where(fixes.c.fix_id == fix.fix_id)
        if connection.execute(statement).scalar() != self.token:
            raise NotInHandError

    def _in_hand(self, fix: QueuedFix, work: Callable[[sa.Connection], R]) -> R:
        """Do it in a transaction of the state database, while the fix is in hand. A lost COMMIT shows in who has it then."""

        def held(connection: sa.Connection) -> R:
            self._own(connection, fix)
            return work(connection)

        return self._state(held)

    def _finish(self, fix: QueuedFix, name: str, receipt: Receipt) -> Done:
        try:
            return self._in_hand(fix, lambda connection: self._done(connection, fix, name, receipt))
        except NotInHandError:
            # Where the answer to COMMIT was lost, it is applied; else another has it in hand.
            return self._state(lambda connection: self._what_became(connection, fix, name))

    def _done(self, connection: sa.Connection, fix: QueuedFix, name: str, receipt: Receipt) -> Done:
        why = "found in its target" if receipt.found else "applied"
        told = {"target": name, "reference": receipt.reference}
        queue.applied(connection, fix.fix_id, self.token, self.who, told, why, self.clock())
        if name in self._failing:
            breaker.succeeded(connection, name)
        return Done(fix.fix_id, "found" if receipt.found else "applied", name, receipt.reference)

    def _superseded(self, fix: QueuedFix, name: str, why: str) -> Done:
        return self._ended(
            fix,
            Done(fix.fix_id, "superseded", name, why),
            lambda connection: queue.supersede(connection, fix.fix_id, self.token, self.who, why, self.clock()),
        )

    def _dead(self, fix: QueuedFix, name: str, why: str) -> Done:
        return self._ended(
            fix,
            Done(fix.fix_id, "dead_letter", name, why),
            lambda connection: queue.dead_letter(connection, fix.fix_id, self.token, self.who, why, self.clock()),
        )

    def _failed(self, fix: QueuedFix, name: str, why: str) -> Done:
        if fix.attempts >= self.limits.tries:
            return self._dead(fix, name, f"tried {fix.attempts} times; the last time: {why}")
        now = self.clock()
        not_before = now + self.limits.wait(fix.attempts)
        return self._ended(
            fix,
            Done(fix.fix_id, "failed", name, why),
            lambda connection: queue.failed(connection, fix.fix_id, self.token, self.who, why, not_before, now),
        )

    def _kept(self, fix: QueuedFix, name: str, why: str) -> Done:
        """It may have happened, and nobody could look: it stays in hand, so that no night takes it back and nobody rejects it."""
        if fix.attempts >= self.limits.tries:
            return self._dead(fix, name, _UNSEEN.format(fix.attempts, name, fix.idempotency_key, why))
        return Done(fix.fix_id, "failed", name, f"{why}; it may be there, and is looked for when the lease is over")

    def _ended(self, fix: QueuedFix, done: Done, work: Callable[[sa.Connection], None]) -> Done:
        # Not in hand any more: a COMMIT whose answer was lost did it, or another has it.
        with suppress(NotInHandError):
            self._in_hand(fix, work)
        return done

    def _state(self, work: Callable[[sa.Connection], R]) -> R:
        """Work in a transaction of the state database, tried again where that is no double: what it does, it does once,
        because it asks first who has the fix in hand."""
        again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.limits.state_tries),
            wait=tenacity.wait_random_exponential(multiplier=0.02, max=2),
            retry=tenacity.retry_if_exception_type(_StateTroubleError),
            reraise=True,
        )
        try:
            return again(lambda: self._once(work))
        except _StateTroubleError as error:
            raise UnreachableError(
                "state-database",
                f"the state database did not answer: {error}",
                "run the same command again: what was in hand is looked for by its key",
            ) from error

    def _once(self, work: Callable[[sa.Connection], R]) -> R:
        raised: list[BaseException] = []
        try:
            with transaction(self.state) as connection:
                try:
                    return work(connection)
                except (TemporaryError, RefusedError, MovedError) as error:
                    raised.append(error)  # said by the work, not by the state database
                    raise
        except (TemporaryError, UnknownError, RefusedError) as error:
            if error in raised:
                raise
            raise _StateTroubleError(str(error)) from error

    def _engine(self, url: str) -> sa.Engine:
        if url not in self._engines:
            self._engines[url] = self._engine_of(url)
        return self._engines[url]

    # --- what would be done ---

    def would(self, only: Iterable[str] | None = None) -> Applied:
        """As `run`, but every effect is taken back: nothing is written, and nothing is sent."""
        came, chosen = Applied(), None if only is None else set(only)
        with self.state.connect() as connection:
            ready = queue.find(connection, chosen, READY)
            alone = {name: each.error for name, each in breaker.read(connection).items() if each.state == "open"}
        for fix in ready:
            name = self._routed(fix.fix_id, (fix.reconciliation, fix.template, fix.content), came)
            target = self.targets[name] if name is not None else None
            if name is None or target is None:
                continue
            if fix.approved_by == self.who:
                came.done.append(
                    Done(fix.fix_id, "passed", name, f"{self.who} approved it: who approves a fix does not apply it")
                )
            elif name in alone:
                came.waiting[name] = alone[name]
            else:
                came.done.append(self._would(fix, name, target))
        return came

    def _would(self, fix: QueuedFix, name: str, target: Target) -> Done:
        try:
            effect = self._effect(fix)
            with self.state.connect() as connection:
                self._still_broken(connection, fix)
            if not isinstance(target, DatabaseTarget):
                return Done(fix.fix_id, "applied", name, "a message would be sent")
            with _undone(self._engine(target.url)) as connection:
                found = target.look(connection, effect)
                receipt = found or target.put(connection, effect)
            return Done(fix.fix_id, "found" if receipt.found else "applied", name, receipt.reference)
        except MovedError as error:
            return Done(fix.fix_id, "superseded", name, str(error))
        except RefusedError as error:
            return Done(fix.fix_id, "dead_letter", name, str(error))
        except (TemporaryError, UnknownError) as error:
            return Done(fix.fix_id, "failed", name, str(error))


_DOUBT = "it may have arrived: {}. Ask the receiver for the key; where it is not there, recon fixes retry"
_LOOK = "it may be there. Look in {1} for the key {2}, then recon fixes retry: it looks for the key first, so nothing is done twice"
_KILLED = "{0} appliers had it in hand and were not heard of again: " + _LOOK
_UNSEEN = "tried {0} times, and " + _LOOK + "; the last time: {3}"


class _DoubtError(TemporaryError):
    """It may have happened, and nobody could look."""


@contextmanager
def _doubted(may_be_there: bool) -> Iterator[None]:
    """What fails here leaves a fix that may be there as much in doubt as it was."""
    try:
        yield
    except TemporaryError as error:
        if may_be_there:
            raise _DoubtError(str(error)) from error
        raise


class _StateTroubleError(Exception):
    """The state database, not the fix."""


class _UndoneError(Exception):
    pass


@contextmanager
def _undone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is rolled back, whatever happens in it."""
    try:
        with transaction(engine) as connection:
            yield connection
            raise _UndoneError
    except _UndoneError:
        pass
