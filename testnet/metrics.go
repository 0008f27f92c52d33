package testnet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// metricPrefix begins the names of our own metrics.
const metricPrefix = "hyperplane_"

// Metrics are one scrape of a part's own metrics (hyperplane_…), by name and
// labels other than the role's: "received_packets_total{side=tun}".
type Metrics map[string]float64

// Scrape reads a part's /metrics.
func Scrape(ctx context.Context, dir Dir, name string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWaitMax)
	defer cancel()
	client := Client(dir.Admin(name))
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://part/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: /metrics: %s", name, resp.Status)
	}
	return parseMetrics(io.LimitReader(resp.Body, metricsBytesMax))
}

func parseMetrics(r io.Reader) (Metrics, error) {
	m := Metrics{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest, ours := strings.CutPrefix(lines.Text(), metricPrefix)
		if !ours {
			continue
		}
		end := strings.LastIndexByte(rest, ' ')
		if end < 0 {
			return nil, fmt.Errorf("metric without a value: %q", lines.Text())
		}
		v, err := strconv.ParseFloat(rest[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", lines.Text(), err)
		}
		key, labels, _ := strings.Cut(strings.TrimSuffix(rest[:end], "}"), "{")
		if own := ownLabels(labels); own != "" {
			key += "{" + own + "}"
		}
		m[key] = v
	}
	return m, lines.Err()
}

// ownLabels leaves out the labels that name the part.
func ownLabels(labels string) string {
	var own []string
	for l := range strings.SplitSeq(labels, ",") {
		if l != "" && !strings.HasPrefix(l, "name=") && !strings.HasPrefix(l, "role=") {
			own = append(own, strings.ReplaceAll(l, `"`, ""))
		}
	}
	return strings.Join(own, ",")
}
