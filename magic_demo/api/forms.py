"""A case as a form in parts (multipart/form-data): photos in memory, and the fields beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from magic_demo.api.errors import ApiError
from magic_demo.api.predicting import SentPhoto
from magic_demo.api.shapes import PredictAsked
from magic_demo.core.limits import LIMITS
from magic_demo.page.panels.case.photo_intake import LONGEST_NAME, TOO_LARGE
from magic_demo.page.server.requests.parameters import RefusedError
from magic_demo.page.session.arrivals import clean_name

PHOTOS = "photos"
MOST_FIELDS = 10
LONGEST_FIELD = 8 * LIMITS.text_characters


class _InMemory(MultiPartParser):
    """Nothing of a photo is written to a disk."""

    spool_max_size = LIMITS.arrival_bytes


def describe_form() -> dict[str, Any]:
    """Return the form as OpenAPI describes a body."""
    fields = PredictAsked.model_json_schema()
    photo = {"type": "string", "format": "binary", "minLength": 1}
    fields["properties"][PHOTOS] = {"type": "array", "items": photo, "maxItems": LIMITS.case_photos}
    return {"required": True, "content": {"multipart/form-data": {"schema": fields}}}


async def read_form(request: Request) -> tuple[PredictAsked, list[SentPhoto]]:
    """Return a case that was sent. Raises ApiError, RefusedError for one that is not as described."""
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=LIMITS.case_photos,
        max_fields=MOST_FIELDS,
        max_part_size=LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeDecodeError, KeyError) as error:
        raise ApiError(
            "invalid", "the form cannot be read, or has too many parts; send it as described"
        ) from error
    fields: dict[str, str] = {}
    photos: list[SentPhoto] = []
    try:
        for name, value in form.multi_items():
            if name in fields or isinstance(value, UploadFile) != (name == PHOTOS):
                raise ApiError(
                    "invalid",
                    "a field came twice, or not as described; send each field once, photos as files",
                )
            if isinstance(value, UploadFile):
                photos.append(await _read_photo(value))
            else:
                fields[name] = value
    finally:
        await form.close()
    return read_fields(fields), photos


def read_fields(fields: Mapping[str, Any]) -> PredictAsked:
    """Return what a case says besides its photos. Raises ApiError, which never says what came."""
    try:
        return PredictAsked.model_validate(fields)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ApiError("invalid", "{lines}", lines="; ".join(lines)[:1000]) from error


async def _read_photo(file: UploadFile) -> SentPhoto:
    data = await file.read()
    if not data:
        raise ApiError("invalid", "photos: a file is empty; send the photo's bytes")
    if len(data) > LIMITS.photo_bytes:
        raise RefusedError(413, TOO_LARGE)
    return SentPhoto(clean_name((file.filename or "")[:LONGEST_NAME]), data)
