"""What is copied, over which link, and how often."""

from dataclasses import dataclass, replace

from benchmarks.image import ImageSpec
from benchmarks.upstream_link import MB, LinkSpec


@dataclass(frozen=True)
class Scenario:
    """One comparison; each tool copies the image once a round, to an empty registry.

    Attributes:
        name: Name in the figures.
        title: The same for a reader.
        image: What is copied.
        link: What lies between the tools and the upstream registry; None for nothing.
        rounds: How often.
        then_warm: Also copy again what is already there, as scenario "warm".
        may_fail: A tool that gives up is a result.
    """

    name: str
    title: str
    image: ImageSpec
    link: LinkSpec | None = None
    rounds: int = 5
    then_warm: bool = False
    may_fail: bool = False

    def quick(self) -> "Scenario":
        """The same with a fraction of the bytes and a single round: proves the harness, measures nothing."""
        # What is under way when a link resets does not shrink with the image.
        divisor = 10 if self.link and self.link.reset_every else 100
        link = self.link and replace(self.link, reset_every=self.link.reset_every // divisor)
        title = f"{self.title}, but all sizes divided by {divisor}"
        return replace(self, title=title, image=self.image.scaled_down(divisor), link=link, rounds=1)


# Far and narrow, as a public registry is for each connection.
_LIMITED = LinkSpec(rate=40 * MB, latency=0.05)

SCENARIOS = (
    Scenario(
        "cold",
        "1.48 GB, 3 platforms with 8 layers each, one of them shared, to an empty registry",
        ImageSpec(tuple(size * MB for size in (200, 120, 64, 48, 24, 8, 2)), (85 * MB,), platforms=3),
        then_warm=True,
    ),
    Scenario(
        "limited_big",
        "one layer of 2 GB, upstream limited to 40 MB/s a connection with 50 ms latency",
        ImageSpec((2000 * MB,)),
        _LIMITED,
        rounds=3,
    ),
    Scenario(
        "limited_small",
        "40 layers of 8 MB, upstream limited to 40 MB/s a connection with 50 ms latency",
        ImageSpec((8 * MB,) * 40),
        _LIMITED,
    ),
    Scenario(
        "reset",
        "one layer of 200 MB, upstream link reset after every 64 MB",
        ImageSpec((200 * MB,)),
        LinkSpec(reset_every=64 * MB),
        rounds=3,
        may_fail=True,
    ),
)
WARM_TITLE = "the same image again, nothing to be copied"
