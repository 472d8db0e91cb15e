"""Which RUNNABLE job of a queue is next."""

from collections.abc import Callable, Iterator

from sandbox.aws.batch.jobs import Job
from sandbox.aws.batch.roster import Roster


class FifoOrder:
    """Order of submission; children of an array by index.

    [B:CreateJobQueueRequest.schedulingPolicyArn]: without a policy, first-in, first-out.
    """

    def __init__(self) -> None:
        self._jobs: Roster[tuple[int, int], Job] = Roster()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Put a job that has become RUNNABLE in line."""
        self._jobs.add(job.order_key, job)

    def remove(self, job: Job) -> None:
        """Take a job out."""
        self._jobs.remove(job.order_key)

    def first(self) -> Job | None:
        """The job at the head."""
        return self._jobs.first()

    def jobs(self) -> Iterator[Job]:
        """All jobs in line."""
        return (job for _, job in self._jobs.ascending())

    def used(self, job: Job) -> None:
        """A job has been placed; the order of submission does not care."""


class FairShareOrder:
    """The share that has used least for its weight goes first; inside a share the higher priority, then FIFO.

    User Guide, fair-share scheduling: a lower weightFactor means more. Usage is counted in vCPUs placed and not
    decayed: shareDecaySeconds is longer than a sandbox lives.
    """

    def __init__(self, weight: Callable[[str], float]) -> None:
        self._weight = weight
        self._shares: dict[str, Roster[tuple[int, int, int], Job]] = {}
        self._usage: dict[str, float] = {}

    def __len__(self) -> int:
        return sum(len(roster) for roster in self._shares.values())

    @property
    def shares(self) -> list[str]:
        """Share identifiers with jobs in line."""
        return [share for share, roster in self._shares.items() if len(roster)]

    def add(self, job: Job) -> None:
        """Put a job that has become RUNNABLE in line."""
        self._shares.setdefault(_share(job), Roster()).add(_key(job), job)

    def remove(self, job: Job) -> None:
        """Take a job out."""
        roster = self._shares.get(_share(job))
        if roster is not None:
            roster.remove(_key(job))

    def first(self) -> Job | None:
        """The job at the head."""
        shares = [share for share, roster in self._shares.items() if len(roster)]
        if not shares:
            return None
        return self._shares[min(shares, key=self._weighted)].first()

    def jobs(self) -> Iterator[Job]:
        """All jobs in line, share by share from the least used."""
        for share in sorted(self.shares, key=self._weighted):
            yield from (job for _, job in self._shares[share].ascending())

    def used(self, job: Job) -> None:
        """Charge a placed job to its share."""
        share = _share(job)
        self._usage[share] = self._usage.get(share, 0.0) + job.spec.cpu_millis / 1000

    def _weighted(self, share: str) -> float:
        return self._usage.get(share, 0.0) * self._weight(share)


def _share(job: Job) -> str:
    return job.spec.share or ""


def _key(job: Job) -> tuple[int, int, int]:
    return (-(job.spec.priority or 0), *job.order_key)
