package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// congestionControl is fixed, because a machine's default may pace itself (bbr)
// and then caps the fast paths only.
const congestionControl = "cubic"

// iperfArgs is the client's command line.
func iperfArgs(target string, seconds, streams int, down bool) []string {
	args := []string{
		"-c", target, "-p", strconv.Itoa(portTCP), "-t", strconv.Itoa(seconds),
		"-C", congestionControl, "-P", strconv.Itoa(streams), "-J",
	}
	if down {
		args = append(args, "-R")
	}
	return args
}

// iperfReport is the part of iperf3's JSON that counts.
type iperfReport struct {
	Error string `json:"error"`
	End   struct {
		Sent struct {
			Retransmits float64 `json:"retransmits"`
		} `json:"sum_sent"`
		Received struct {
			Seconds float64 `json:"seconds"`
			Bits    float64 `json:"bits_per_second"`
		} `json:"sum_received"`
		Congestion string `json:"sender_tcp_congestion"`
	} `json:"end"`
}

// parseIPerf returns what the receiver got, in Gbit/s, and how many segments
// the sender had to send again.
func parseIPerf(output []byte) (gbits, retransmits float64, err error) {
	var r iperfReport
	if err := json.Unmarshal(output, &r); err != nil {
		return 0, 0, fmt.Errorf("iperf3's report: %w", err)
	}
	switch {
	case r.Error != "":
		return 0, 0, errors.New("iperf3: " + r.Error)
	case r.End.Received.Seconds <= 0:
		return 0, 0, errors.New("iperf3's report has no received total")
	case r.End.Congestion != "" && r.End.Congestion != congestionControl:
		return 0, 0, fmt.Errorf("iperf3 used congestion control %s, asked for %s", r.End.Congestion, congestionControl)
	}
	return r.End.Received.Bits / 1e9, r.End.Sent.Retransmits, nil
}
