"""The one error that a person reads at 3 a.m.: what, what was answered, why, and what to do."""


class OperationError(Exception):
    """A call to AWS, Kubernetes or a registry failed, explained.

    Attributes:
        resource: What the call was about, such as `compute environment My-Eks-CE1`.
        answer: What the service answered, in its own words.
        cause: Why, as far as is known.
        next_step: What a person should do now.
        can_heal: Whether the same call may succeed later without anybody's help.
    """

    def __init__(self, resource: str, answer: str, cause: str, next_step: str, can_heal: bool = False) -> None:
        # All of them go to Exception.args, so that the error survives pickling between processes.
        super().__init__(resource, answer, cause, next_step, can_heal)
        self.resource = resource
        self.answer = answer
        self.cause = cause
        self.next_step = next_step
        self.can_heal = can_heal

    def __str__(self) -> str:
        return f"{self.resource}: {self.answer}\n  Cause: {self.cause}\n  Next step: {self.next_step}"
