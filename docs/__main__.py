"""`python -m docs`: write the generated parts of the pages."""

from docs.generated import DOCS, PARTS, with_generated_parts


def main() -> None:
    """Write them."""
    for page in PARTS:
        (DOCS / page).write_text(with_generated_parts(page))


if __name__ == "__main__":
    main()
