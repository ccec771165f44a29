# The production image: the locked runtime packages, the code, an ordinary user. No servers in it.
#
#   docker build -t accord-tracker .
#   buildah bud --isolation chroot -t accord-tracker .     (where no engine runs)

FROM docker.io/library/python:3.13-slim-bookworm AS packages
COPY requirements/runtime.txt /requirements.txt
RUN python -m venv /packages \
 && /packages/bin/pip install --no-cache-dir --no-input --require-hashes --only-binary=:all: -r /requirements.txt

FROM docker.io/library/python:3.13-slim-bookworm
RUN groupadd --gid 10001 accord && useradd --uid 10001 --gid accord --no-create-home --shell /usr/sbin/nologin accord
COPY --from=packages /packages /packages
ENV PATH=/packages/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/srv/static
WORKDIR /srv/accord
COPY manage.py ./
COPY tracker tracker
COPY commitments commitments
COPY notifications notifications
COPY fixtures fixtures
RUN python -m compileall -q tracker commitments notifications
# Static files are part of the image. The values are needed for the settings to load and reach nothing.
RUN ACCORD_ENV=production SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    SITE_URL=https://localhost DATABASE_URL=postgres://none@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
    python manage.py collectstatic --noinput --verbosity 0
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "tracker.probe"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "8", "--no-ws", "--respawn-failed-workers", "--respawn-interval", "10", \
     "tracker.wsgi:application"]
