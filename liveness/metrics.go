package liveness

import "hyperplane/telemetry"

// Metrics returns what an operator sees of a sender's picture.
func (d *Detector) Metrics() []telemetry.Metric {
	return []telemetry.Metric{
		{Name: "tops_up", Help: "Tops that answer in time, serve, and are not held down; at 0 all are used.", Value: float64(d.Up())},
		{Name: "top_changes_total", Help: "Times the set of Tops in use became another; each moved the slots of those that went or came.", Counter: true, Value: float64(d.Changes)},
		{Name: "control_datagrams_sent_total", Help: "Probes sent to Tops.", Counter: true, Value: float64(d.Asked)},
		{Name: "control_datagrams_received_total", Help: "Answers of Tops that were taken.", Counter: true, Value: float64(d.Answered)},
	}
}
