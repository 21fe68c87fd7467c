"""The gateway of one agency. The life of a package, and the module that lives each step:

 1. An agency system or analyst submits a package and its parts          gateway.api, gateway.exchange.outgoing.submit
 2. Policy decides, per recipient, part and field; silence is deny       gateway.content, gateway.policy
 3. What needs a second officer waits; nobody approves their own         gateway.exchange.outgoing.approve
 4. What is permitted is released: redacted, manifest signed, sealed     gateway.exchange.outgoing.release, attache.package
 5. Sealed package, state and log entry commit together, then the answer gateway.store, gateway.exchange_log
 6. The outbox delivers it, retried until the receipt is stored          gateway.delivery
 7. The partner's gateway verifies before it stores, and answers with it gateway.exchange_api, gateway.exchange.arriving.receive
 8. A reader there opens it; the opening is logged and acknowledged      gateway.exchange.arriving.read, attache.receipt
 9. An auditor sees every step and proves it offline                     gateway.exchange_log, attache.translog
10. Retention ends: content and salts go, every old proof still verifies gateway.exchange.ending.retention, gateway.exchange.ending.purge

Nothing here is particular to one agency: both sides of an exchange run this code with their own configuration.
"""
