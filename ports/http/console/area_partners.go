package consolehttp

import (
	"net/http"

	"github.com/leadmill/leadmill/application"
)

// partnerPages are the pages of partners, customers and form leads.
func partnerPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: partnersPath, Needs: application.Viewer, Nav: "Partners", Handle: partners},
		{Method: http.MethodPost, Path: partnersPath, Needs: application.Viewer, Handle: findPartners},
		{Method: http.MethodGet, Path: partnersPath + ".csv", Needs: application.Viewer, Download: true, Handle: partnersSheet},
		{Method: http.MethodPost, Path: partnersPath + ".csv", Needs: application.Viewer, Download: true, Handle: partnersSheet},
		{Method: http.MethodGet, Path: partnersPath + "/new", Needs: application.Operator, Handle: newPartner},
		{Method: http.MethodPost, Path: partnersPath + "/new", Needs: application.Operator, Handle: createPartner},
		{Method: http.MethodGet, Path: partnersPath + "/invite", Needs: application.Operator, Handle: askInvitePartner},
		{Method: http.MethodPost, Path: partnersPath + "/invite", Needs: application.Operator, Handle: invitePartner},
		{Method: http.MethodGet, Path: partnersPath + "/:id", Needs: application.Viewer, Handle: showPartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/approve", Needs: application.Operator, Handle: approvePartner},
		{Method: http.MethodGet, Path: partnersPath + "/:id/reject", Needs: application.Operator, Handle: askRejectPartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/reject", Needs: application.Operator, Handle: rejectPartner},
		{Method: http.MethodGet, Path: partnersPath + "/:id/archive", Needs: application.Operator, Handle: askArchivePartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/archive", Needs: application.Operator, Handle: archivePartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/unarchive", Needs: application.Operator, Handle: unarchivePartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/sign-in", Needs: application.Operator, Handle: signInPartner},
		{Method: http.MethodPost, Path: partnersPath + "/:id/links", Needs: application.Operator, Handle: addPartnerLink},
		{Method: http.MethodGet, Path: customersPath, Needs: application.Viewer, Nav: "Customers", Handle: customers},
		{Method: http.MethodPost, Path: customersPath, Needs: application.Viewer, Handle: findCustomers},
		{Method: http.MethodGet, Path: customersPath + "/:id", Needs: application.Viewer, Handle: showCustomer},
		{Method: http.MethodPost, Path: customersPath + "/:id/partner", Needs: application.Operator, Handle: giveCustomer},
		{Method: http.MethodGet, Path: customersPath + "/:id/archive", Needs: application.Operator, Handle: askArchiveCustomer},
		{Method: http.MethodPost, Path: customersPath + "/:id/archive", Needs: application.Operator, Handle: archiveCustomer},
		{Method: http.MethodPost, Path: customersPath + "/:id/unarchive", Needs: application.Operator, Handle: unarchiveCustomer},
		{Method: http.MethodGet, Path: formLeadsPath, Needs: application.Viewer, Nav: "Form leads", Handle: formLeads},
		{Method: http.MethodGet, Path: formLeadsPath + "/:number", Needs: application.Viewer, Handle: showFormLead},
		{Method: http.MethodPost, Path: formLeadsPath + "/:number/fields", Needs: application.Operator, Handle: revealFormLead},
		{Method: http.MethodPost, Path: formLeadsPath + "/:number/convert", Needs: application.Operator, Handle: convertFormLead},
		{Method: http.MethodGet, Path: formLeadsPath + "/:number/reject", Needs: application.Operator, Handle: askRejectFormLead},
		{Method: http.MethodPost, Path: formLeadsPath + "/:number/reject", Needs: application.Operator, Handle: rejectFormLead},
	}
}
