package bench

import (
	"strings"
	"testing"
	"time"

	"hyperplane/cellstate"
)

func TestConfigIsChecked(t *testing.T) {
	good := DefaultConfig()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"--rounds 0":            func(c *Config) { c.Rounds = 0 },
		"--seconds 301":         func(c *Config) { c.Seconds = 301 },
		"--mtu 500":             func(c *Config) { c.InstanceMTU = 500 },
		"--underlay-mtu 1551":   func(c *Config) { c.UnderlayMTU = 1551 },
		"--underlay-mtu 70000":  func(c *Config) { c.UnderlayMTU = 70000 },
		"--idle-wait -1s":       func(c *Config) { c.IdleWait = -time.Second },
		"--subject nothing":     func(c *Config) { c.Subjects = []string{"nothing"} },
		"--load tcp-5":          func(c *Config) { c.Loads = []string{"tcp-up", "tcp-5"} },
		"--load: name at least": func(c *Config) { c.Loads = nil },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestStateFileIsValid(t *testing.T) {
	for _, c := range []Config{
		{InstanceMTU: 1500, UnderlayMTU: 1600}, {InstanceMTU: 1500, UnderlayMTU: 9001}, {InstanceMTU: 8500, UnderlayMTU: 9001},
	} {
		b, err := cellSpec(&c, "hpb-hc-client").Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cellstate.Parse("state.yaml", b); err != nil {
			t.Errorf("%+v: %v\n%s", c, err, b)
		}
	}
}

func TestEveryComparisonIsOfKnownSubjects(t *testing.T) {
	for _, c := range comparisons {
		if err := known("subject", []string{c.Subject, c.Reference}, SubjectNames()); err != nil {
			t.Error(err)
		}
	}
}
