//! CALL: where a routine's first statement goes.

use crate::choice::Choice;
use crate::decide::Decider;
use crate::locations::{Found, Routine};
use crate::table_key::BorrowedKey;
use crate::{Decision, LookupPhase, Request, RouteReason};
use odp_cluster::DatabaseName;
use odp_sql::{Charset, Consistency, TableRef};

impl Decider<'_> {
    /// Follows the first statement of a routine to its table. A routine may write whatever it begins
    /// with, so it goes to the leader.
    pub(crate) fn by_routine(&self, routine: TableRef<'_>) -> Decision {
        let key = self.with_key(routine, |key| {
            let name = [key.table, b"()"].concat();
            let key = BorrowedKey {
                table: &name,
                ..key
            };
            (!key.database.is_empty()).then(|| key.into_key()).flatten()
        });
        let Some(key) = key.flatten() else {
            return self.without_location(RouteReason::NoTable);
        };
        let found = self.source.find(key.borrowed(), |found| match found {
            Found::Routine(routine) => Some(self.by_first_statement(routine)),
            Found::Table(_) | Found::Missing(_) | Found::Failed => None,
        });
        match found {
            Some(Some(decision)) => decision,
            Some(None) => self.without_location(RouteReason::NoTable),
            None if self.choice.request.lookup == LookupPhase::Allowed => Decision::Lookup(key),
            None => self.without_location(RouteReason::NoLocation),
        }
    }

    fn by_first_statement(&self, routine: &Routine) -> Decision {
        let outline = odp_sql::outline(routine.statement.as_bytes(), Charset::Utf8);
        let database = DatabaseName::new(&routine.database);
        let request = Request {
            outline: Some(&outline),
            database: &database,
            parameters: &[],
            consistency: Consistency::Strong,
            ..*self.choice.request
        };
        let inner = Decider {
            view: self.view,
            facts: self.facts,
            settings: self.settings,
            source: self.source,
            choice: Choice {
                request: &request,
                ..self.choice
            },
        };
        match inner.statement() {
            Some(statement) => inner.by_table(&statement),
            None => self.without_location(RouteReason::AnyServer),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::router::tests::fixture::{Setup, addr};
    use crate::{Decision, Lookup, RouteReason, TableKey};

    #[test]
    fn a_call_goes_where_the_first_statement_of_the_routine_goes() {
        let setup = Setup::new();
        let key = TableKey::routine(&setup.tenant, &setup.database, "refill");
        assert_eq!(
            setup.decide("call refill(1)"),
            Decision::Lookup(key.clone())
        );
        let routine = |statement: &str| Lookup::Routine {
            database: "test".to_owned(),
            statement: statement.to_owned(),
        };
        let first = routine("select * from t where k = 4");
        setup.router.install(key.clone(), first, setup.now);
        let route = setup.route("call test.refill(1)");
        assert_eq!((route.server, route.reason), (addr(2), RouteReason::Leader));
        assert_eq!(route.table, Some(setup.key("t")));
        let next = routine("update fresh set k = :0");
        setup.router.install(key.clone(), next, setup.now);
        let inner = Decision::Lookup(setup.key("fresh"));
        assert_eq!(setup.decide("call refill(1)"), inner);
        setup.router.install(key, routine(""), setup.now);
        assert_eq!(setup.route("call refill(1)").reason, RouteReason::AnyServer);
    }
}
