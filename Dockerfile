FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Sellers have time zones, and the final image has no zone files.
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata,nomsgpack -ldflags="-s -w" -o /out/leadmill ./cmd/leadmill
RUN mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/leadmill /leadmill
USER 65532:65532
WORKDIR /
ENV LEADMILL_HTTP_ADDR=0.0.0.0:8080 \
    LEADMILL_DATABASE_URL=sqlite:/data/leadmill.db
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["/leadmill", "healthcheck"]
ENTRYPOINT ["/leadmill"]
CMD ["serve"]
