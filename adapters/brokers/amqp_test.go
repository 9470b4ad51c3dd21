package brokers_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/brokers"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// deaf is a broker of AMQP 0.9.1 that stops to read when something is published.
func deaf(t *testing.T) (address string, published *atomic.Int64) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		close(ended)
		require.NoError(t, listener.Close())
	})
	published = &atomic.Int64{}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				answerUntilPublished(c)
				published.Add(1)
				<-ended
			}()
		}
	}()
	return listener.Addr().String(), published
}

// answerUntilPublished says what opens a connection, a channel and an exchange.
func answerUntilPublished(c net.Conn) {
	say := func(channel uint16, payload ...byte) {
		frame := binary.BigEndian.AppendUint16([]byte{1}, channel)
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(payload)))
		_, _ = c.Write(append(append(frame, payload...), 0xCE))
	}
	if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
		return
	}
	say(0, append([]byte{0, 10, 0, 10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5}, "PLAIN\x00\x00\x00\x05en_US"...)...)
	for head := make([]byte, 7); ; {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		if head[0] != 1 {
			continue
		}
		channel := binary.BigEndian.Uint16(head[1:])
		switch method := [2]byte{body[1], body[3]}; method {
		case [2]byte{10, 11}: // Connection.StartOk
			say(0, 0, 10, 0, 30, 0, 0, 0, 2, 0, 0, 0, 10)
		case [2]byte{10, 40}:
			say(0, 0, 10, 0, 41, 0)
		case [2]byte{10, 50}:
			say(0, 0, 10, 0, 51)
		case [2]byte{20, 10}:
			say(channel, 0, 20, 0, 11, 0, 0, 0, 0)
		case [2]byte{20, 40}:
			say(channel, 0, 20, 0, 41)
		case [2]byte{40, 10}:
			say(channel, 0, 40, 0, 11)
		case [2]byte{85, 10}:
			say(channel, 0, 85, 0, 11)
		case [2]byte{60, 40}:
			return
		}
	}
}

// A broker that does not read any more holds up nobody for longer than a try may take: neither what is written, nor what connects again.
func TestABrokerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	address, published := deaf(t)
	sinks, err := brokers.Parse("amqp://guest:guest@" + address + "/")
	require.NoError(t, err)
	r := brokers.NewRelay(sinks[0], brokers.Config{
		Clock: clock.NewSystem(), Logger: slog.New(slog.DiscardHandler), BaseURL: func() string { return "https://leads.example.com" },
		SellerCode: func(context.Context, string) (string, error) { return "ACME1234", nil },
	})
	e := application.StoredEvent{Position: 1, EventRecord: application.EventRecord{
		ID: "evt_1", SellerID: "seller_1", Type: "lead.sold.v1", AggregateID: "lead_1", Payload: make([]byte, 32<<20), // more than buffers on the way hold
	}}
	for try := int64(1); try <= 2; try++ {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.React(ctx, e) }()
		require.Eventually(t, func() bool { return published.Load() == try }, time.Minute, time.Millisecond, "it is sent")
		cancel()
		select {
		case err := <-ended:
			require.Error(t, err)
			require.NotEqual(t, fault.Invalid, fault.KindOf(err))
		case <-time.After(time.Minute):
			t.Fatal("it is still held up")
		}
	}
	require.NoError(t, r.Close())
}
