# The sync sidecar, for users with Docker. From the checkout's root:
#   docker build -f hack/pba_hack/images/docker/sync.Dockerfile -t pba-sync .
FROM python:3.13.9-slim-trixie AS build
RUN python -m venv --without-pip /opt/pba
WORKDIR /src
# What it depends on changes rarely, its own code often: two layers.
COPY hack/constraints.txt pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['sync'], sep='\n')" > requirements.txt \
 && pip --python /opt/pba install --no-cache-dir --only-binary :all: --constraint constraints.txt --requirement requirements.txt
COPY README.md ./
COPY operator ./operator
RUN pip --python /opt/pba install --no-cache-dir --no-deps .

FROM python:3.13.9-slim-trixie
COPY --from=build /opt/pba /opt/pba
ENV PATH=/opt/pba/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["/opt/pba/bin/pba-sync"]
