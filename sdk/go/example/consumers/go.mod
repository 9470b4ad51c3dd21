module github.com/leadmill/leadmill/sdk/go/example/consumers

go 1.26.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/leadmill/leadmill/sdk/go v0.0.0
	github.com/nats-io/nats.go v1.51.0
	github.com/twmb/franz-go v1.22.2
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/nats-io/nkeys v0.4.15 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	golang.org/x/crypto v0.49.0 // indirect
	golang.org/x/sys v0.42.0 // indirect
)

replace github.com/leadmill/leadmill/sdk/go => ../..
