# The operator, for users with Docker. From the checkout's root:
#   docker build -f hack/pba_hack/images/docker/operator.Dockerfile -t pba-operator .
FROM python:3.13.9-slim-trixie AS base
# The official image has no byte code: a container, which may not write any, would compile at each start.
RUN python -m compileall -q --invalidation-mode unchecked-hash "$(python -c "import sysconfig; print(sysconfig.get_path('stdlib'))")"

FROM base AS build
RUN python -m venv --without-pip /opt/pba
WORKDIR /src
# What builds it and what it depends on change rarely, its own code often: two layers.
COPY hack/constraints.txt pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" > backend.txt \
 && python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['operator'], sep='\n')" > requirements.txt \
 && pip install --no-cache-dir --only-binary :all: --constraint constraints.txt --requirement backend.txt \
 && pip --python /opt/pba install --no-cache-dir --only-binary :all: --constraint constraints.txt --requirement requirements.txt \
 && rm -r /opt/pba/lib/python3.13/site-packages/kubernetes/aio
COPY README.md ./
COPY operator ./operator
# An isolated build would take the newest of what the build backend depends on: constraints do not count in it.
RUN pip wheel --no-index --no-build-isolation --no-deps --wheel-dir /wheel . \
 && pip --python /opt/pba install --no-index --no-deps /wheel/*.whl

FROM base
COPY --from=build /opt/pba /opt/pba
ENV PATH=/opt/pba/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["/opt/pba/bin/pba-operator"]
