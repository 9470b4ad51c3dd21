package consolehttp

import (
	"strconv"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
)

const systemPath = consolePath + "/system"

type systemContent struct {
	*Visit

	System accountquery.System
}

// system shows how the installation is, to an owner of the one seller that it has.
func system(v *Visit) {
	content, err := systemOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("system", content)
}

func systemOf(v *Visit) (systemContent, error) {
	s, err := Ask[accountquery.System](v, accountquery.StateOfSystem{Actor: v.Who()})
	return systemContent{v, s}, err
}

// Bytes writes a number of bytes with a unit, in steps of 1,024.
func (*Visit) Bytes(n int64) string {
	value, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && value >= 1024 {
		value, units = value/1024, units[1:]
	}
	if units[0] == "B" {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[0]
}

// askAudit has the audit run as the job that it is, within some seconds.
func askAudit(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.AskForAudit{Actor: v.Who()})
	v.After(err, systemPath, "The audit begins within some seconds. Its result appears here when it is done.")
}

func retryParked(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.RetryParked{Actor: v.Who(), Consumer: v.Form.Text("consumer")})
	v.endParked(err, "The parked events are handled again, in order.")
}

func skipParked(v *Visit) {
	position, _ := v.Form.Number("position", 1, 1<<62)
	_, err := Do[struct{}](v, accountcommand.SkipParked{Actor: v.Who(), Consumer: v.Form.Text("consumer"), Position: position, Reason: v.Form.Text("reason")})
	v.endParked(err, "The consumer goes on without the event.")
}

func (v *Visit) endParked(err error, notice string) {
	if err == nil {
		v.Done(systemPath, notice)
		return
	}
	content, failed := systemOf(v)
	if failed != nil {
		v.Fail(failed)
		return
	}
	v.ShowAgain("system", content, err)
}
