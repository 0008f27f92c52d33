package resolver

import (
	"fmt"
	"reflect"
	"testing"
)

// Every counter is shown as a metric of its own.
func TestMetrics(t *testing.T) {
	var s Stats
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(1 << i)
	}
	shown, names := map[float64]int{}, map[string]bool{}
	for _, m := range Metrics(&s) {
		shown[m.Value]++
		if name := fmt.Sprint(m.Name, m.Labels); names[name] || m.Help == "" || !m.Counter {
			t.Errorf("%+v", m)
		} else {
			names[name] = true
		}
	}
	for i := range v.NumField() {
		if shown[float64(uint64(1)<<i)] != 1 {
			t.Errorf("%s is shown %d times", v.Type().Field(i).Name, shown[float64(uint64(1)<<i)])
		}
	}
}
