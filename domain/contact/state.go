package contact

import "strings"

// stateNames are the names of states, DC, the territories, the freely associated states and the military "states" (source: USPS
// Publication 28, appendix B), in lower case and without punctuation, and what some of them are called too.
var stateNames = map[string]string{
	"alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA", "colorado": "CO", "connecticut": "CT",
	"delaware": "DE", "florida": "FL", "georgia": "GA", "hawaii": "HI", "idaho": "ID", "illinois": "IL", "indiana": "IN", "iowa": "IA",
	"kansas": "KS", "kentucky": "KY", "louisiana": "LA", "maine": "ME", "maryland": "MD", "massachusetts": "MA", "michigan": "MI",
	"minnesota": "MN", "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE", "nevada": "NV", "new hampshire": "NH",
	"new jersey": "NJ", "new mexico": "NM", "new york": "NY", "north carolina": "NC", "north dakota": "ND", "ohio": "OH",
	"oklahoma": "OK", "oregon": "OR", "pennsylvania": "PA", "rhode island": "RI", "south carolina": "SC", "south dakota": "SD",
	"tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT", "virginia": "VA", "washington": "WA", "west virginia": "WV",
	"wisconsin": "WI", "wyoming": "WY",
	"district of columbia": "DC", "washington dc": "DC",
	"puerto rico": "PR", "virgin islands": "VI", "us virgin islands": "VI", "guam": "GU", "american samoa": "AS",
	"northern mariana islands": "MP", "us minor outlying islands": "UM",
	"federated states of micronesia": "FM", "micronesia": "FM", "marshall islands": "MH", "palau": "PW",
	"armed forces americas": "AA", "armed forces europe": "AE", "armed forces pacific": "AP",
}

// maxStateName bounds what is compared with the names, in bytes.
const maxStateName = 40

// stateNamed returns the code of a state of a name in any case, with any spaces between its words; empty when there is none.
func stateNamed(s string) string {
	if len(s) > maxStateName {
		return ""
	}
	s = strings.NewReplacer(".", "", ",", "").Replace(s)
	return stateNames[strings.ToLower(strings.Join(strings.Fields(s), " "))]
}
