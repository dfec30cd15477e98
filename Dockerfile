# The page in a container: docker build -t magic-demo . ; docs/containers.md says how to run it.
# TORCH=cuda takes PyTorch for NVIDIA's cards; EXTRAS names extras of pyproject.toml that have a lock file.
FROM python:3.11-slim-bookworm AS packages
ARG TORCH=cpu
ARG EXTRAS=postgres
ENV PIP_NO_CACHE_DIR=1
WORKDIR /app
# what setup needs, and no more: a change of the program does not install everything again
COPY requirements*.lock ./
COPY magic_demo/__init__.py magic_demo/__main__.py magic_demo/
COPY magic_demo/core magic_demo/core
COPY magic_demo/models/__init__.py magic_demo/models/late.py magic_demo/models/
COPY magic_demo/commands/__init__.py magic_demo/commands/examples.py magic_demo/commands/setup.py magic_demo/commands/
RUN python -m magic_demo setup --environment /opt/magic-demo --torch "$TORCH" \
    && for extra in $EXTRAS; do \
        /opt/magic-demo/bin/python -m pip install --quiet --no-compile --require-hashes --no-deps -r "requirements-$extra.lock" || exit 1; \
    done

FROM python:3.11-slim-bookworm
RUN useradd --uid 1000 --create-home reader \
    && install --directory --owner reader --group reader /data /cache
COPY --from=packages /opt/magic-demo /opt/magic-demo
COPY app.py LICENSE /app/
COPY checkpoints /app/checkpoints
COPY magic_demo /app/magic_demo
ENV PATH=/opt/magic-demo/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/cache \
    GRADIO_SERVER_NAME=0.0.0.0
USER 1000:1000
# reviews lie in /data/reviews, models from the Hub in /cache
WORKDIR /data
VOLUME ["/data", "/cache"]
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "from http.client import HTTPConnection; page = HTTPConnection('127.0.0.1', 7860, timeout=8); page.request('GET', '/'); raise SystemExit(page.getresponse().status >= 500)"]
CMD ["python", "/app/app.py"]
