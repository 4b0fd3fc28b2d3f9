# ganedit on a CPU. docker build -t ganedit . && docker run --rm -v "$PWD:/data" ganedit project me.jpg
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu
COPY . /src
RUN pip install --no-cache-dir /src
WORKDIR /data
# The README's first command, to prove that the image works.
RUN cp /src/examples/portrait.png /tmp && cd /tmp && ganedit project portrait.png \
    && ganedit edit --direction smile --magnitude 2
ENTRYPOINT ["ganedit"]
