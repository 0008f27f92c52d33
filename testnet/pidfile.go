package testnet

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"hyperplane/testnet/lab"
)

// writePid records a part's process: "PID START".
func writePid(dir Dir, name string, p lab.ProcessID) error {
	return writeFile(dir.pid(name), fmt.Appendf(nil, "%d %d\n", p.PID, p.Start))
}

// readPid returns the process that was recorded for a part. ok is false when
// none was or the file is damaged; the process may have ended.
func readPid(dir Dir, name string) (p lab.ProcessID, ok bool) {
	data, err := os.ReadFile(dir.pid(name))
	if err != nil {
		return p, false
	}
	f := strings.Fields(string(data))
	if len(f) != 2 {
		return p, false
	}
	pid, err1 := strconv.Atoi(f[0])
	start, err2 := strconv.ParseUint(f[1], 10, 64)
	return lab.ProcessID{PID: pid, Start: start}, err1 == nil && err2 == nil && pid > 1
}

// findProcess returns the running process of a part: the recorded one or,
// when the record is lost, the one that carries the part's mark.
func findProcess(dir Dir, name string) (lab.ProcessID, bool) {
	if p, ok := readPid(dir, name); ok {
		return p, p.Alive()
	}
	inside, err := lab.Inside(namespacePrefix + name)
	if err != nil {
		return lab.ProcessID{}, false
	}
	found, err := lab.Scan(func(pid int) bool { return inside(pid) && markOf(pid) == name })
	if err != nil || len(found) == 0 {
		return lab.ProcessID{}, false
	}
	return found[0], true
}
