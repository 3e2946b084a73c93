# One image for web and worker. It needs DATABASE_URL, SECRET_KEY and SITE_URL: see docs/operating.md.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONUTF8=1
RUN useradd --system --uid 1000 --create-home linkpool
WORKDIR /srv/linkpool

COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --require-hashes --requirement requirements/base.txt

COPY . .
RUN python manage.py collectstatic --noinput --verbosity 0 \
    && install --directory --owner=linkpool var

USER linkpool
VOLUME /srv/linkpool/var
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=20s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=5)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0"]
