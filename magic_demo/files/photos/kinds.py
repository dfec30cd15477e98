"""Which files are photos: the endings that folders and the page look for, and what a file is by its first
bytes."""

from __future__ import annotations

from magic_demo.core.messages import Message

PHOTO_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".hif",
    ".avif",
    ".dcm",
)
"""Endings of photos that are read; folders, the page's file chooser and the docs name these and no others."""
OTHER_PICTURES = (
    *(
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".nrw",
        ".arw",
        ".orf",
        ".rw2",
        ".raf",
        ".pef",
        ".srw",
        ".raw",
        ".3fr",
        ".iiq",
    ),
    *(
        ".jp2",
        ".j2k",
        ".jxl",
        ".jxr",
        ".psd",
        ".psb",
        ".svg",
        ".eps",
        ".ico",
        ".tga",
        ".ppm",
        ".pgm",
        ".pnm",
        ".exr",
        ".hdr",
        ".dicom",
    ),
    *(".mov", ".mp4", ".pdf"),
)
"""Endings of pictures that are not read: a folder's reader names such a file instead of passing it over."""
PHOTO_KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
"""What Pillow may take a file for, whatever its name: others of its readers start programs (EPS) or are
hardly ever used."""
EXPECTED = Message("JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF or a DICOM photo")

_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}


def sniff_kind(head: bytes) -> str:
    """Return the kind of photo that begins with these bytes (132 suffice): one of PHOTO_KINDS, "DICOM", or ""
    where it is none."""
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[offset : offset + 4] for offset in range(16, min(len(head), 64), 4))}
        if brands & set(_AVIF_BRANDS):
            return "AVIF"
        return "HEIF" if brands & set(_HEIF_BRANDS) else ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[128:132] == b"DICM":
        return "DICOM"
    return next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), "")
