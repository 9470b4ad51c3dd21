package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stateZones are the zones of each state, district and territory of the United States. Where a part of a state has another clock, that
// is named too, however small the part is.
const stateZones = `AL Chicago;AK Anchorage Adak;AZ Phoenix Denver;AR Chicago;CA Los_Angeles;CO Denver;CT New_York;DE New_York;DC New_York;
FL New_York Chicago;GA New_York;HI Pacific/Honolulu;ID Boise Los_Angeles;IL Chicago;IN Indiana/Indianapolis Chicago;IA Chicago;
KS Chicago Denver;KY New_York Chicago;LA Chicago;ME New_York;MD New_York;MA New_York;MI Detroit Menominee;MN Chicago;MS Chicago;MO Chicago;
MT Denver;NE Chicago Denver;NV Los_Angeles Denver;NH New_York;NJ New_York;NM Denver;NY New_York;NC New_York;ND Chicago Denver;OH New_York;
OK Chicago;OR Los_Angeles Boise;PA New_York;RI New_York;SC New_York;SD Chicago Denver;TN New_York Chicago;TX Chicago Denver;UT Denver;
VT New_York;VA New_York;WA Los_Angeles;WV New_York;WI Chicago;WY Denver;PR Puerto_Rico;VI Puerto_Rico;GU Pacific/Guam;MP Pacific/Guam;
AS Pacific/Pago_Pago`

// zipStates are the states of ZIP codes by their first three digits.
const zipStates = `005 NY;006-007 PR;008 VI;009 PR;010-027 MA;028-029 RI;030-038 NH;039-049 ME;050-054 VT;055 MA;056-059 VT;060-069 CT;070-089 NJ;
100-149 NY;150-196 PA;197-199 DE;200 DC;201 VA;202-205 DC;206-219 MD;220-246 VA;247-268 WV;270-289 NC;290-299 SC;300-319 GA;320-339 FL;
341-349 FL;350-369 AL;370-385 TN;386-397 MS;398-399 GA;400-427 KY;430-459 OH;460-479 IN;480-499 MI;500-528 IA;530-549 WI;550-567 MN;
570-577 SD;580-588 ND;590-599 MT;600-629 IL;630-658 MO;660-679 KS;680-693 NE;700-714 LA;716-729 AR;730-732 OK;733 TX;734-749 OK;750-799 TX;
800-816 CO;820-831 WY;832-838 ID;840-847 UT;850-865 AZ;870-884 NM;885 TX;889-898 NV;900-961 CA;967-968 HI;969 GU;970-979 OR;980-994 WA;
995-999 AK`

var zonesByState = sync.OnceValue(func() map[string][]*time.Location {
	all := map[string][]*time.Location{}
	for entry := range strings.SplitSeq(stateZones, ";") {
		parts := strings.Fields(entry)
		for _, name := range parts[1:] {
			if !strings.HasPrefix(name, "Pacific/") {
				name = "America/" + name
			}
			if zone, err := ParseZone(name); err == nil {
				all[parts[0]] = append(all[parts[0]], zone)
			}
		}
	}
	return all
})

var stateByZip = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for entry := range strings.SplitSeq(zipStates, ";") {
		parts := strings.Fields(entry)
		first, last, isRange := strings.Cut(parts[0], "-")
		if !isRange {
			last = first
		}
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		for n := from; n <= to; n++ {
			all[strconv.Itoa(1000 + n)[1:]] = parts[1]
		}
	}
	return all
})

// AllUSZones returns what USZones returns for any state, each combination once. It must not be changed.
var AllUSZones = sync.OnceValue(func() (all [][]*time.Location) {
	seen := map[string]bool{}
	for _, zones := range zonesByState() {
		key := fmt.Sprint(zones)
		if !seen[key] {
			all = append(all, zones)
		}
		seen[key] = true
	}
	return all
})

// USZones returns the zones of a state of the United States by its code of two letters or, where that is empty, of the state that a ZIP
// code lies in: none for an unknown one. The slice must not be changed.
func USZones(state, zip string) []*time.Location {
	if state == "" && len(zip) >= 3 {
		state = stateByZip()[zip[:3]]
	}
	return zonesByState()[state]
}
