package wire

import "hyperplane/telemetry"

// Metrics lists a connection's counters that are about datagrams and system
// calls; those about packets are part of the role's Traffic.
func Metrics(s *Stats) []telemetry.Metric {
	counter := func(name, help string, v uint64) telemetry.Metric {
		return telemetry.Metric{Name: name, Help: help, Counter: true, Value: float64(v)}
	}
	return []telemetry.Metric{
		counter("wire_sent_datagrams_total", "Datagrams that the kernel accepted.", s.SentDatagrams),
		counter("wire_received_datagrams_total", "Datagrams taken from the socket.", s.ReceivedDatagrams),
		counter("wire_overflow_total", "Messages that the kernel dropped because the receive buffer was full.", s.Overflow),
		counter("wire_send_calls_total", "System calls made to send.", s.Sends),
		counter("wire_receive_calls_total", "System calls made to receive.", s.Recvs),
		counter("wire_gso_fallbacks_total", "Batches that the kernel refused as a whole and took one by one.", s.Fallbacks),
		{Name: "wire_receive_buffer_bytes", Help: "Receive buffer that the kernel granted.", Value: float64(s.ReceiveBufferBytes)},
	}
}
