package brokers

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/leadmill/leadmill/application"
)

// httpSink posts events to an address: CloudEvents in binary mode. Only 2xx says that one is taken.
type httpSink struct {
	outbound      application.Outbound
	address       string
	authorization string
}

func newHTTP(s Sink, outbound application.Outbound) *httpSink {
	h := &httpSink{outbound: outbound, address: s.address()}
	if u := s.target.User; u != nil {
		password, _ := u.Password()
		h.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password))
	}
	return h
}

// Publish implements message.Publisher.
func (h *httpSink) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		header := http.Header{"Content-Type": {m.Metadata[attributeContentType]}}
		for name, value := range m.Metadata {
			if name != attributeContentType {
				header.Set("Ce-"+name, encode(value))
			}
		}
		if h.authorization != "" {
			header.Set("Authorization", h.authorization)
		}
		answer, err := h.outbound.Send(m.Context(), application.OutboundRequest{URL: h.address, Header: header, Body: m.Payload, Timeout: patience})
		if err != nil {
			return fmt.Errorf("post: %w", err)
		}
		switch status := answer.Status; {
		case status >= 200 && status < 300:
		case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity,
			status == http.StatusUnsupportedMediaType, status == http.StatusRequestHeaderFieldsTooLarge:
			return refused{fmt.Errorf("it is answered %d", status)}
		default:
			return fmt.Errorf("it is answered %d", status)
		}
	}
	return nil
}

// Close implements message.Publisher. The connections are those of all sinks by HTTP.
func (h *httpSink) Close() error { return nil }
