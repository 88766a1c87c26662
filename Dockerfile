# The image of `make image`, for whoever has a container engine:
#   docker build --build-arg VERSION=v0.1.0 --tag localhost/kube-aliyun/aliyun-controller:local .
# and that of hostroutes:
#   docker build --target hostroutes --tag localhost/kube-aliyun/hostroutes:local .
# Same files, user, labels and environment; both take the files from deploy/image.
ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
ARG TARGETARCH
ARG VERSION=v0.0.0-unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=linux GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=${VERSION} -X github.com/kube-aliyun/kube-aliyun/pkg/flexvolume.Version=${VERSION}" -o /out/ ./cmd/aliyun-controller ./cmd/aliyun-flexv
RUN CGO_ENABLED=0 go run ./deploy/image/build --binary /out/aliyun-controller --driver /out/aliyun-flexv --arch ${TARGETARCH} --version ${VERSION} --root /image

FROM build AS build-hostroutes
ARG TARGETARCH
ARG VERSION=v0.0.0-unknown
RUN CGO_ENABLED=0 GOOS=linux GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=${VERSION}" -o /out/ ./cmd/hostroutes
RUN CGO_ENABLED=0 go run ./deploy/image/build --program hostroutes --binary /out/hostroutes --arch ${TARGETARCH} --version ${VERSION} --root /hostroutes

FROM scratch AS hostroutes
ARG VERSION=v0.0.0-unknown
COPY --from=build-hostroutes /hostroutes/ /
LABEL org.opencontainers.image.title="hostroutes" \
      org.opencontainers.image.source="https://github.com/kube-aliyun/kube-aliyun" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/hostroutes"]

FROM scratch
ARG VERSION=v0.0.0-unknown
COPY --from=build /image/ /
LABEL org.opencontainers.image.title="aliyun-controller" \
      org.opencontainers.image.source="https://github.com/kube-aliyun/kube-aliyun" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/aliyun-controller"]
