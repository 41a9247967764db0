# What the agents' commands find around them: docker build -f docker/sandbox.Dockerfile -t sandbox .
# For Daytona: push it and name it in DAYTONA_IMAGE, or make a snapshot of it for DAYTONA_SNAPSHOT. For the sandbox host:
# its sandboxes see the programs of the machine that it runs on, so run it in this image, or install the same packages.
# Another image does as well that has bash or dash, GNU coreutils 8.31 or later (env --default-signal), GNU findutils and
# util-linux (setsid, flock); busybox's programs of the same names lack options that the file and shell tools use.
# Nothing in it needs root, nothing in it gives root, and it holds no secret.
ARG NODE_VERSION=26.10.0
ARG SUITE=bookworm

FROM node:${NODE_VERSION}-${SUITE}-slim

# The list stands apart from the commands: machines without containers install it, too.
COPY docker/sandbox-packages.txt /tmp/packages.txt
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get upgrade --yes \
 && grep --invert-match '^#' /tmp/packages.txt | xargs apt-get install --yes --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages.txt

# Node stands where the sandbox host puts it as well. The user has the name and the number that he has there.
RUN mkdir /opt/node && ln -s /usr/local/bin /opt/node/bin \
 && userdel --remove node \
 && useradd --create-home --uid 1000 --shell /bin/bash user \
 && install --directory --owner user --group user /workspace

# No program runs with the rights of another than who starts it: neither su nor mount nor a browser's helper.
RUN find / -xdev -type f -perm /6000 -exec chmod ug-s {} +

# What a user installs goes below his own home: there is no other place for it. A browser cannot make namespaces of its own
# in every sandbox, and needs none within one.
ENV LANG=C.UTF-8 \
    PATH=/home/user/.local/bin:/opt/node/bin:/usr/local/bin:/usr/bin:/bin \
    NPM_CONFIG_PREFIX=/home/user/.local \
    PIP_USER=1 \
    PIP_BREAK_SYSTEM_PACKAGES=1 \
    CHROMIUM_FLAGS="--no-sandbox --disable-dev-shm-usage"

USER user
WORKDIR /workspace
# Daytona starts its own process in place of this one.
CMD ["sleep", "infinity"]
