"""The gateway of one agency. The steps that a package goes through, and the module that does each:

 1. An agency system or analyst submits a package and its parts          gateway.api, gateway.exchange.outgoing.submit
 2. Policy decides per recipient, part and field; the default is deny    gateway.content, gateway.policy
 3. A release may wait for a second officer, never for the submitter     gateway.exchange.outgoing.approve
 4. The permitted parts are redacted, and the package signed and sealed  gateway.exchange.outgoing.release,
                                                                         attache.package
 5. Sealed package, state and log entry commit together, then the answer gateway.store, gateway.exchange_log
 6. The outbox delivers it, retried until the receipt is stored          gateway.delivery
 7. The partner's gateway verifies, stores and answers with a receipt    gateway.exchange_api,
                                                                         gateway.exchange.arriving.receive
 8. A reader there opens it; the opening is logged and acknowledged      gateway.exchange.arriving.read, attache.receipt
 9. An auditor sees every step and proves it offline                     gateway.exchange_log, attache.translog
10. Retention ends: content and salts are destroyed, old proofs verify   gateway.exchange.ending.retention,
                                                                         gateway.exchange.ending.purge

Nothing here is particular to one agency: both sides of an exchange run this code with their own configuration.
"""
