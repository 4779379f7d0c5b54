"""What goes wrong in a source file, in our words."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pyarrow as pa
from isal.igzip_lib import IsalError

from backfill.errors import MappingError, SourceError
from backfill.remote import store_failure

# isal's stub calls its exception class an instance.
_GZIP_ERRORS = (cast("type[Exception]", IsalError), gzip.BadGzipFile)

_AGAIN = "and run the same command again"


@contextmanager
def source_errors(label: str) -> Iterator[None]:
    """Turn what the file system, a store, a decompressor or pyarrow raises into SourceError.

    label: of a remote file, its URI.
    """
    try:
        yield
    except EOFError as error:
        raise cut_short(label) from error
    except FileNotFoundError as error:
        raise SourceError(
            "the file is not there", label, f"put it back {_AGAIN}, or mend `source`"
        ) from error
    except _GZIP_ERRORS as error:
        raise _damaged(label) from error
    except OSError as error:
        _raise_of_store(error, label)
        if error.errno is not None:
            reason = os.strerror(error.errno)
            raise SourceError(
                f"the file cannot be read: {reason}", label, f"make it readable {_AGAIN}"
            ) from error
        # pyarrow's own, without a number.  [observed: "Truncated compressed stream"]
        raise (cut_short if "Truncated" in str(error) else _damaged)(label) from error
    except pa.ArrowException as error:
        _raise_of_store(error, label)
        raise _damaged(label) from error


def _raise_of_store(error: Exception, label: str) -> None:
    scheme, separator, _ = label.partition("://")
    if separator and (failure := store_failure(error, scheme)):
        raise SourceError(failure[0], label, failure[1]) from None  # its words may hold secrets


def cut_short(label: str) -> SourceError:
    """A compressed file whose end is missing."""
    return SourceError("the compressed file is cut short", label, f"copy it again {_AGAIN}")


def changed(label: str) -> SourceError:
    """A file that was written to while it was read."""
    return SourceError(
        "the file changed its size while it was read",
        label,
        f"wait until it is written {_AGAIN}",
    )


def _damaged(label: str) -> SourceError:
    return SourceError("the file is damaged", label, f"copy it again {_AGAIN}")


def check_names(columns: tuple[str, ...], where: str) -> None:
    """Raise MappingError for blank and repeated column names."""
    blank = [str(i) for i, name in enumerate(columns, 1) if not name.strip()]
    if blank:
        raise MappingError(
            f"column {', '.join(blank)} has no name", where, "name every column in the header"
        )
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        raise MappingError(
            f"more than one column is named {', '.join(map(repr, repeated))}",
            where,
            "give every column a name of its own",
        )
