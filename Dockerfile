# An exact tag; where a registry can be asked, add its digest: python:…@sha256:….
ARG PYTHON=python:3.13.16-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /build
RUN python -m venv /opt/zibpoort
# The dependencies first: this layer stays as long as the lock file does.
COPY pyproject.toml requirements.lock ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
      print(*project['dependencies'], *project['optional-dependencies']['otel'], sep='\n')" > runtime.txt \
 && /opt/zibpoort/bin/pip install --no-cache-dir --constraint requirements.lock --requirement runtime.txt
COPY . .
RUN pip install --no-cache-dir --constraint requirements.lock hatchling \
 && pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/zibpoort/bin/pip install --no-cache-dir --no-deps dist/*.whl \
 && /opt/zibpoort/bin/pip uninstall --yes pip

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Zibpoort" \
      org.opencontainers.image.licenses="EUPL-1.2"
RUN useradd --system --uid 10001 --home-dir /var/lib/zibpoort --create-home zibpoort
COPY --from=build /opt/zibpoort /opt/zibpoort
ENV PATH=/opt/zibpoort/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ZIBPOORT_DATA_FOLDER=/var/lib/zibpoort
USER zibpoort
WORKDIR /var/lib/zibpoort
# All that must survive the container: database and keys.
VOLUME /var/lib/zibpoort
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
CMD ["zibpoort", "serve", "--host", "0.0.0.0"]
