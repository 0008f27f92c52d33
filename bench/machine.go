package bench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what the figures were measured on and with.
type Machine struct {
	CPU               string `json:"cpu"`
	CPUs              int    `json:"cpus"`
	MemoryMiB         int    `json:"memory_mib"`
	Kernel            string `json:"kernel"`
	CongestionDefault string `json:"congestion_default"`
	CongestionUsed    string `json:"congestion_used"`
	Go                string `json:"go"`
	Hyperplane        string `json:"hyperplane"`
	IPerf3            string `json:"iperf3"`
}

// describeMachine reads what is known; what is not stays empty.
func describeMachine(ctx context.Context, iperf3 string) Machine {
	m := Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), CongestionUsed: congestionControl}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = field(b, "model name")
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		kb, _, _ := strings.Cut(field(b, "MemTotal"), " ")
		n, _ := strconv.Atoi(kb)
		m.MemoryMiB = n / 1024
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control"); err == nil {
		m.CongestionDefault = strings.TrimSpace(string(b))
	}
	m.Hyperplane = revision()
	if iperf3 != "" {
		if out, err := exec.CommandContext(ctx, iperf3, "--version").Output(); err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			m.IPerf3 = strings.TrimSpace(line)
		}
	}
	return m
}

// field is the value of the first "name : value" line.
func field(b []byte, name string) string {
	for line := range bytes.Lines(b) {
		k, v, ok := bytes.Cut(line, []byte(":"))
		if ok && string(bytes.TrimSpace(k)) == name {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}

// revision is the commit this binary was built from, as far as it knows.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	rev, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if rev == "" {
		return info.Main.Version
	}
	return rev + changed
}
