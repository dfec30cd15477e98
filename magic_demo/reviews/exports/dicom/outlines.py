"""A photo as a DICOM image, and its readers' outlines as one DICOM segmentation beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage, VLPhotographicImageStorage

from magic_demo.core.review_types import MaskRuns, SavedReview
from magic_demo.core.types import Photo
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.questions.labels import LESION, Label
from magic_demo.reviews.exports.dicom.objects import (
    SCHEME,
    Case,
    begin,
    code,
    date,
    name_series,
    point_at,
    write_text,
)
from magic_demo.reviews.exports.readings import annotator_of

PIXEL_BYTES = "PixelData"
LONGEST_LABEL = 64
Outline = tuple[SavedReview, Label, MaskRuns]


def make_photo(case: Case, photo: Photo) -> Dataset:
    """Return a photo as a VL photographic image, RGB."""
    made = begin(case, VLPhotographicImageStorage, "XC", photo.photo_id)
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.AcquisitionContextSequence = []
    made.ImageComments = photo.photo_id
    made.PatientOrientation = made.Laterality = made.LossyImageCompression = ""  # nobody knows
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    _lay_out(made, photo.size, bits=8)
    _put_pixels(made, np.ascontiguousarray(photo.pixels).tobytes())
    return made


def make_segmentation(case: Case, photo: Dataset, outlines: Sequence[Outline]) -> Dataset:
    """Return the outlines of a photo: one segment and one frame a reader and label, empty where the reader found none.

    photo: what ``make_photo`` returned. outlines: of the photo's size, each reader and label once.
    """
    made = begin(case, SegmentationStorage, "SEG", str(photo.SOPInstanceUID))
    date(made, max(saved.saved_at for saved, _, _ in outlines))
    made.ImageType, made.PatientOrientation = ["DERIVED", "PRIMARY"], ""
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = (
        "LESION" if all(label.label_id == LESION.label_id for _, label, _ in outlines) else "OUTLINES",
        write_text(str(photo.ImageComments)),
        "",
    )
    made.SegmentationType, made.LossyImageCompression = "BINARY", "00"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.NumberOfFrames = len(outlines)
    _lay_out(made, (int(photo.Rows), int(photo.Columns)), bits=1)
    series = name_series([photo])
    series.ReferencedInstanceSequence = [point_at(photo)]
    made.ReferencedSeriesSequence = [series]
    made.SegmentSequence = [
        _describe(number, saved, label) for number, (saved, label, _) in enumerate(outlines, start=1)
    ]
    _number_frames(made, case)
    made.SharedFunctionalGroupsSequence = [Dataset()]
    made.PerFrameFunctionalGroupsSequence = [_frame(number, photo) for number in range(1, len(outlines) + 1)]
    masks = np.stack([decode_mask(runs) for _, _, runs in outlines])
    _put_pixels(made, bytes(pack_bits(masks.ravel(), pad=True)))
    return made


def _lay_out(made: Dataset, size: tuple[int, int], *, bits: int) -> None:
    made.Rows, made.Columns = size
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit, made.PixelRepresentation = bits - 1, 0


def _put_pixels(made: Dataset, pixels: bytes) -> None:
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made[PIXEL_BYTES].VR = "OB" if made.BitsAllocated == 1 or made.SamplesPerPixel == 3 else "OW"


def _describe(number: int, saved: SavedReview, label: Label) -> Dataset:
    review, reader = saved.review, annotator_of(saved.review)
    item = Dataset()
    # of a long label its code says the rest, of a long name nothing would
    room = max(len(LESION.label_id), LONGEST_LABEL - len(f", {reader}"))
    item.SegmentNumber = number
    item.SegmentLabel = write_text(f"{label.label_id[:room]}, {reader}")
    seen = ", ".join(sorted(review.known)) or "nothing"
    item.SegmentDescription = f"{review.kind} reading; the reader had been shown: {seen}"
    item.SegmentAlgorithmType = "SEMIAUTOMATIC" if review.models else "MANUAL"
    if review.models:
        item.SegmentAlgorithmName = write_text(", ".join(dict.fromkeys(review.models.values())))
    item.SegmentedPropertyCategoryCodeSequence = [
        code("49755003", "SCT", "Morphologically Abnormal Structure")
    ]
    item.SegmentedPropertyTypeCodeSequence = [
        code("52988006", "SCT", "Lesion")
        if label.label_id == LESION.label_id
        else code(f"label.{label.label_id}", SCHEME, label.name["en"])
    ]
    return item


def _number_frames(made: Dataset, case: Case) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = case.number("frames by segment")
    made.DimensionOrganizationSequence = [organization]
    index = Dataset()
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer = Tag("ReferencedSegmentNumber")
    index.FunctionalGroupPointer = Tag("SegmentIdentificationSequence")
    index.DimensionDescriptionLabel = "Segment"
    made.DimensionIndexSequence = [index]


def _frame(number: int, photo: Dataset) -> Dataset:
    content, segment, source, derivation, frame = (Dataset() for _ in range(5))
    content.DimensionIndexValues = [number]
    segment.ReferencedSegmentNumber = number
    source.update(point_at(photo))
    source.PurposeOfReferenceCodeSequence = [
        code("121322", "DCM", "Source image for image processing operation")
    ]
    source.SpatialLocationsPreserved = "YES"
    derivation.DerivationCodeSequence = [code("113076", "DCM", "Segmentation")]
    derivation.SourceImageSequence = [source]
    frame.FrameContentSequence, frame.SegmentIdentificationSequence = [content], [segment]
    frame.DerivationImageSequence = [derivation]
    return frame
