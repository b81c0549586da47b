# Talkhouse in a small image that runs as nobody in particular: docker build -t talkhouse .
# Its folder is /data: .dlt with the settings, the DuckDB file, and what a sync works with.
FROM python:3.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 HOME=/tmp
COPY requirements.lock pyproject.toml README.md LICENSE /src/
RUN pip install --no-cache-dir --disable-pip-version-check -r /src/requirements.lock
COPY talkhouse /src/talkhouse
COPY sources /src/sources
COPY pipelines /src/pipelines
COPY simulator /src/simulator
COPY models /src/models
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps /src

RUN useradd --uid 10001 --no-create-home talkhouse && install -d -o talkhouse /data
USER 10001
WORKDIR /data
ENTRYPOINT ["talkhouse"]
CMD ["sync"]
