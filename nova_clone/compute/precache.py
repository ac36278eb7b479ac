"""Images that are brought to the host before a server needs them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from pathlib import Path

from nova_clone.compute.environment import Environment
from nova_clone.contracts.aggregates import ImagesCached
from nova_clone.contracts.compute import CacheImages
from nova_clone.domain.errors import NovaError
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image
from nova_clone.runtime.logging import log_context

LOG = logging.getLogger(__name__)

#: Requests that may wait; what comes on top goes to the next host at once.
MOST = 100


class Precache:
    """Fetches images one after the other, in a thread that lives while there is work.

    Nothing is kept over a restart: what was not fetched, the first server fetches.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._waiting: deque[tuple[RequestContext, CacheImages]] = deque()
        self._working = False
        self._closing = False

    def take(self, context: RequestContext, request: CacheImages) -> None:
        """Have images fetched in their turn."""
        with self._lock:
            if self._closing:
                return
            full = len(self._waiting) >= MOST
            if not full:
                self._waiting.append((context, request))
                if not self._working:
                    self._working = True
                    threading.Thread(target=self._run, name="precache", daemon=True).start()
        if full:
            LOG.warning("too many images wait to be cached; %d are left out", len(request.images))
            self._done(context, request)

    def close(self) -> None:
        """Begin nothing more; a download that runs is given up with the process."""
        with self._lock:
            self._closing = True
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._working = False
                    return
                context, request = self._waiting.popleft()
            with log_context(context):
                for image in request.images:
                    self._bring(image)
                self._done(context, request)

    def _bring(self, image: Image) -> None:
        if self._closing:
            return
        try:
            self._env.driver.cache_image(image, self._fetch)
        except (NovaError, OSError) as error:
            LOG.warning("image %s is not cached: %s", image.id, error)

    def _fetch(self, image_id: str, path: Path) -> None:
        self._env.images.download(image_id, path)

    def _done(self, context: RequestContext, request: CacheImages) -> None:
        if not request.then:
            return
        try:
            passed_on = ImagesCached(images=request.images, then=request.then)
            self._env.conductor.images_cached(context, passed_on)
        except NovaError as error:
            LOG.warning("hosts after this one will not cache images: %s", error.message)
