"""The cache of images on a compute host."""

from __future__ import annotations

from oslo_config import cfg

GROUP = "image_cache"

OPTIONS = [
    cfg.IntOpt(
        "manager_interval",
        default=2400,
        min=-1,
        help=(
            "Every how many seconds the cache is looked after; 0 means the usual 60 s, -1 never."
        ),
    ),
    cfg.BoolOpt(
        "remove_unused_base_images",
        default=True,
        help="Remove cached images that no server uses.",
    ),
    cfg.IntOpt(
        "remove_unused_original_minimum_age_seconds",
        default=86400,
        min=0,
        help="How many seconds unused an image must be to be removed.",
    ),
    cfg.IntOpt(
        "precache_concurrency",
        default=1,
        min=1,
        help="How many hosts fetch an image into their cache at a time.",
    ),
    cfg.StrOpt(
        "subdirectory_name",
        default="_base",
        help="The directory of the cache below instances_path.",
    ),
    cfg.IntOpt(
        "remove_unused_resized_minimum_age_seconds",
        default=3600,
        help="How many seconds unused a resized image must be to be removed.",
    ),
]
