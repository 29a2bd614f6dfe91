"""What the application does not know of its addresses: sentences, bodies and answers, by endpoint (`web.openapi`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from resguardo.board.filters import Filter

CSV: Final = "text/csv"
JSON: Final = "application/json"

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
ANY: Final[Schema] = {"type": "object"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def object_of(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


@dataclass(frozen=True)
class Told:
    summary: str
    answer: Schema | None = None
    body: Schema | None = None
    status: int = 200
    kind: str = JSON
    query: tuple[str, ...] = ()
    file: bool = False
    optional: bool = False
    """The body may be left out."""


FILTERS: Final = tuple(Filter.__dataclass_fields__)
FORMS: Final = ("format", "separator")
RECEIPT: Final = ref("Receipt")
IDS: Final = _list(TEXT)
FLAG: Final[Schema] = {"type": "boolean"}
_MODE: Final[Schema] = {"enum": ["add", "update", "replace"]}
_REASON: Final = object_of("reason", reason=TEXT)
_NAME: Final[Schema] = {"type": ["string", "null"]}
_ACCOUNT: Final = object_of(name=TEXT, role=TEXT, segmentador=_NAME, disabled=FLAG, has_password=FLAG, created_at=TEXT)
_BEGUN: Final = object_of("success", "task", success={"const": True}, task=TEXT)
_DIFFERING: Final = ("page", "per_page", "format", "what", "kind", "assignee", "unassigned", "text")
_DIFFERENCE: Final = object_of(
    *("added", "removed", "changed"),
    comparison=TEXT,
    **dict.fromkeys(("added", "removed", "changed", "unchanged"), WHOLE),
    **dict.fromkeys(("fields", "segmentadores", "totals", "pagination"), ANY),
    **dict.fromkeys(("people", "changes"), _list(ANY)),
)

TOLD: Final[dict[str, Told]] = {
    "api_batches": Told(
        "Una página de la tabla de batches.", ref("Listing"), query=("page", "per_page", "sort", *FILTERS)
    ),
    "create_batch": Told("Crea un batch.", RECEIPT, ref("Batch"), 201),
    "quick_create": Told(
        "Crea batches de una lista pegada; 200 si ninguno era nuevo.",
        RECEIPT,
        object_of("batch_list", batch_list=TEXT),
        201,
    ),
    "assign_batches": Told(
        "Asigna batches a una persona, o a nadie con null: todos o ninguno.",
        RECEIPT,
        object_of("ids", "assignee", ids=IDS, assignee={"type": ["string", "null"]}),
    ),
    "delete_batches": Told("Elimina batches: todos o ninguno.", RECEIPT, object_of("ids", ids=IDS)),
    "api_batch": Told("Un batch; su ETag es la revisión.", object_of(batch=ref("Batch"), rev=WHOLE)),
    "edit_batch": Told("Cambia los campos que nombra; `id` solo, le da otro id.", RECEIPT, ref("Batch")),
    "delete_batch": Told("Elimina un batch; su historial queda.", RECEIPT),
    "segmentadores": Told(
        "El equipo, en orden español.", object_of("segmentadores", segmentadores=_list(ref("Segmentador")))
    ),
    "create_segmentador": Told("Agrega a una persona.", RECEIPT, ref("Segmentador"), 201),
    "edit_segmentador": Told(
        "Cambia los campos que nombra; `name` solo, la renombra con sus batches.", RECEIPT, ref("Segmentador")
    ),
    "delete_segmentador": Told("Quita a una persona; sus batches quedan sin asignar.", RECEIPT),
    "api_progress": Told("Cuentas de todo el tablero y de cada persona.", ref("Progress")),
    "events": Told("Eventos del servidor: `progress` y `change`.", TEXT, kind="text/event-stream"),
    "export_worklist": Told(
        "La lista de trabajo de una persona, en CSV, XLSX o JSON.", TEXT, kind=CSV, query=(*FORMS, *FILTERS)
    ),
    "export_summary": Told(
        "El resumen del equipo, en CSV, XLSX o JSON.", TEXT, kind=CSV, query=(*FORMS, "sheets", *FILTERS)
    ),
    "export_batches": Told(
        "Los batches que eligen los filtros, en CSV, XLSX o JSON.",
        TEXT,
        kind=CSV,
        query=(*FORMS, "columns", "sort", *FILTERS),
    ),
    "begin_worklist": Told("La misma lista, hecha en segundo plano.", _BEGUN, status=202, query=(*FORMS, *FILTERS)),
    "begin_summary": Told(
        "El mismo resumen, hecho en segundo plano.", _BEGUN, status=202, query=(*FORMS, "sheets", *FILTERS)
    ),
    "begin_batches": Told(
        "Los mismos batches, en un archivo hecho en segundo plano.",
        _BEGUN,
        status=202,
        query=(*FORMS, "columns", "sort", *FILTERS),
    ),
    "export_task": Told("Cómo va un archivo: `rows N`, luego `bytes N`; al final, cuál es.", ref("Task")),
    "cancel_export": Told("Deja de hacer un archivo.", ANY),
    "export_file": Told("Un archivo hecho en segundo plano, una vez.", TEXT, kind=CSV),
    "database_backup": Told("Todo el tablero en un archivo JSON.", ANY),
    "backups": Told(
        "Las copias que hay, de la más nueva a la más vieja, y lo que se está haciendo con ellas.",
        object_of(backups=_list(ref("Backup")), tasks=_list(ref("Task"))),
    ),
    "create_backup": Told(
        "Hace una copia, la lee de vuelta y la restaura en un simulacro; con background, 202 y una tarea.",
        ref("Backup"),
        object_of(reason=TEXT, background={"type": "boolean"}),
        201,
        optional=True,
    ),
    "show_backup": Told("Lo que se sabe de una copia, y todo lo que le ha pasado.", ref("Backup")),
    "remove_backup": Told("Quita una copia; sus datos se borran siete días después.", ref("Backup")),
    "keep_backup": Told("Conserva una copia que se había quitado.", ref("Backup")),
    "pin_backup": Told("Fija una copia: se queda, digan lo que digan las reglas.", ref("Backup"), _REASON),
    "unpin_backup": Told("Suelta una copia fijada.", ref("Backup")),
    "verify_backup": Told("Lee otra vez cada byte de una copia.", _BEGUN, status=202),
    "drill_backup": Told("Restaura una copia de verdad en una base aparte y la compara.", _BEGUN, status=202),
    "backup_task": Told("Cómo va algo que se empezó en segundo plano.", ref("Task")),
    "cancel_backup_task": Told("Deja algo que se empezó en segundo plano y que no cambia nada.", ANY),
    "backups_plan": Told(
        "Qué copias se conservan y por qué, las que habrá en un año y las próximas.",
        object_of(decisions=_list(ANY), year=_list(ANY), next=ANY),
    ),
    "api_status": Told("Si la información está resguardada, y una línea por promesa.", ref("Status")),
    "download_backup": Told("El archivo de una copia.", TEXT, kind="application/zstd"),
    "last_copy": Told(
        "Los batches de la última copia buena, también mientras MongoDB no contesta.",
        object_of(copy=object_of(id=TEXT, moment=TEXT), batches=_list(ref("Batch")), pagination=ANY),
        query=("text", "assignee", "page", "per_page"),
    ),
    "last_copy_worklist": Told("La lista de trabajo de una persona, de la última copia buena.", TEXT, kind=CSV),
    "last_copy_summary": Told("El resumen del equipo, de la última copia buena.", TEXT, kind=CSV),
    "last_copy_backup": Told("La última copia buena, como archivo JSON.", ANY),
    "upload_batches": Told(
        "Importa un respaldo o una tabla: un archivo, o {batches, mode}. ?preview=1 solo dice qué cambiaría.",
        RECEIPT,
        object_of("batches", batches=_list(ref("Batch")), mode=_MODE),
        query=("preview",),
        file=True,
    ),
    "plan_intake": Told(
        "Qué cambiaría una lista llena: un archivo (file, mode, fields), o una lista pegada.",
        ref("Intake"),
        object_of("text", text=TEXT, status=TEXT, mode=_MODE, fields=IDS),
        file=True,
    ),
    "intake_plan": Told("Una página de sus renglones.", ref("Intake"), query=("page", "per_page", "outcome")),
    "apply_intake": Told(
        "Importa lo que la vista previa mostró, sin leave_out y con los conflictos de take; elimina solo con confirm.",
        RECEIPT,
        object_of("plan", plan=TEXT, leave_out=IDS, take=IDS, confirm=TEXT, leave_out_errors=FLAG, background=FLAG),
    ),
    "plan_restore": Told(
        "Qué cambiaría al volver a una copia, un archivo, un momento, justo antes de una operación o a una revisión.",
        ref("RestorePlan"),
        object_of(
            "source",
            source={"type": ["string", "object"]},
            filters=ANY,
            fields=IDS,
            only_deleted=FLAG,
            equal=FLAG,
            background=FLAG,
        ),
        file=True,
    ),
    "restore_plan": Told("Una página de lo que cambiaría.", ref("RestorePlan"), query=("page", "per_page", "what")),
    "apply_restore": Told(
        "Hace exactamente lo que la vista previa mostró, después de una copia; se puede deshacer.",
        RECEIPT,
        object_of("plan", plan=TEXT, confirm=TEXT, background=FLAG),
    ),
    "diff_backups": Told(
        "Qué difiere entre dos copias o momentos, o entre uno de ellos y el tablero (now).",
        _DIFFERENCE,
        query=_DIFFERING,
    ),
    "begin_diff": Told(
        "Lo mismo en segundo plano: el resultado de la tarea nombra la comparación.", _BEGUN, status=202
    ),
    "comparison": Told(
        "Una comparación que ya se hizo, por páginas, en CSV o en XLSX, entera o solo una parte.",
        _DIFFERENCE,
        query=_DIFFERING,
    ),
    "batch_history": Told(
        "Lo que pasó con un batch, de lo más nuevo a lo más viejo.",
        object_of(batch=TEXT, timeline=_list(ANY), next={"type": ["integer", "null"]}),
        query=("before", "limit"),
    ),
    "batch_at": Told("Un batch como era: en una revisión o en un momento.", ANY, query=("rev", "moment")),
    "operations": Told(
        "Las operaciones, de la más nueva a la más vieja.",
        object_of(operations=_list(ANY), next={"type": ["string", "null"]}),
        query=("before", "limit", "actor", "action", "via", "text", "from", "to"),
    ),
    "operation": Told("Lo que hizo una operación, por documento.", ANY, query=("after", "limit")),
    "undo_operation": Told(
        "Deshace una operación, salvo lo que otros cambiaron después.",
        RECEIPT,
        object_of(dry_run={"type": "boolean"}, take=_list(ANY)),
        optional=True,
    ),
    "undo_everything": Told(
        "Deshace todo lo que alguien hizo entre dos momentos.",
        RECEIPT,
        object_of("actor", "from", "to", **{"actor": TEXT, "from": TEXT, "to": TEXT, "dry_run": {"type": "boolean"}}),
    ),
    "board_at": Told(
        "El tablero como era en un momento, o antes de una operación.",
        ref("Listing"),
        query=("moment", "before", "page", "per_page", *FILTERS),
    ),
    "mail": Told("Si se puede mandar correo, qué sale solo y cuándo, y a quién le llega.", ANY),
    "mail_own": Told("Qué recibe la cuenta que pregunta, y dónde.", object_of(lead=FLAG, email=TEXT, person=ANY)),
    "edit_mail_own": Told(
        "Cambia si uno recibe mensajes y en qué idioma; quien coordina, su dirección.",
        ANY,
        object_of(mail_off=FLAG, mail_language={"enum": ["es", "en"]}, email=TEXT),
    ),
    "mail_outbox": Told(
        "Los mensajes de los últimos treinta días y qué pasó con cada uno; con key, uno entero.",
        object_of(messages=_list(ANY), more=FLAG),
        query=("key", "format"),
    ),
    "mail_again": Told("Vuelve a intentar mensajes que no se pudieron enviar.", ANY, object_of("keys", keys=IDS)),
    "mail_preview": Told(
        "Un mensaje como se mandaría ahora: worklist, due, summary o alarm; no manda nada.",
        object_of(subject=TEXT, to=TEXT, text=TEXT, html=TEXT, file={"type": ["object", "null"]}),
        query=("name", "format"),
    ),
    "mail_worklist": Told(
        "Manda su lista de trabajo a estas personas, o a todas; con once, lo mismo dos veces se manda una.",
        object_of(queued=IDS, skipped=_list(object_of(name=TEXT, why=TEXT))),
        object_of(names=IDS, all=FLAG, once=TEXT),
        202,
    ),
    "mail_trial": Told("Manda un mensaje de prueba.", object_of(key=TEXT), object_of("to", to=TEXT), 202),
    "problems": Told("Documentos con un id que no sirve.", object_of(problems=_list(ANY), more={"type": "boolean"})),
    "mend_problem": Told("Le da un id a uno de esos documentos.", RECEIPT, object_of("own", "id", own=TEXT, id=TEXT)),
    "account": Told("Quién pregunta y qué puede hacer.", object_of(name=TEXT, role=TEXT, may=_list(TEXT))),
    "change_password": Told("Cambia la contraseña propia.", ANY, object_of("new", current=TEXT, new=TEXT)),
    "make_token": Told("Una clave para los programas propios; se muestra una vez.", object_of(token=TEXT), status=201),
    "revoke_tokens": Told("Las claves propias dejan de servir.", object_of(revoked=WHOLE)),
    "accounts": Told("Quién puede entrar y con qué rol.", object_of(accounts=_list(_ACCOUNT))),
    "create_account": Told(
        "Una cuenta nueva, con la contraseña que se le entrega; se muestra una vez.",
        object_of(name=TEXT, password=TEXT),
        object_of("name", "role", name=TEXT, role=TEXT, segmentador=_NAME),
        201,
    ),
    "edit_account": Told(
        "Cambia el rol, a quién representa, o si puede entrar; siempre queda quien coordina.",
        ANY,
        object_of(role=TEXT, segmentador=_NAME, disabled=FLAG),
    ),
    "reset_password": Told("Otra contraseña para entregar; cierra sus sesiones.", object_of(name=TEXT, password=TEXT)),
    "log_in": Told(
        "Abre una sesión; contesta el token CSRF.",
        object_of(csrf_token=TEXT),
        object_of(name=TEXT, password=TEXT, once=TEXT),
    ),
    "log_out": Told("Cierra la sesión.", ANY),
    "healthz": Told("El proceso está en pie.", object_of(ok={"type": "boolean"})),
    "readyz": Told(
        "MongoDB contesta; y qué tan resguardada está la información.",
        object_of(ok=FLAG, safe=FLAG, light={"enum": ["green", "amber", "red"]}, guarantees=ANY),
    ),
    "metrics": Told("Medidas para Prometheus.", TEXT, kind="text/plain"),
    "openapi": Told("Esta descripción.", ANY),
}

_OPEN_ENDED: Final[Schema] = {"type": "object", "additionalProperties": True}
_LIGHT: Final[Schema] = {"enum": ["green", "amber", "red"]}
_MOMENT: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_COUNTS: Final = dict.fromkeys(("total", "NS", "In", "S", "other"), WHOLE)
SCHEMAS: Final[dict[str, Schema]] = {
    "Batch": {
        **_OPEN_ENDED,
        "properties": {
            "id": TEXT,
            "assignee": {"type": ["string", "null"]},
            "status": {"description": "NS, In o S; los datos viejos tienen otros."},
            "folder": TEXT,
            "mongo_uploaded": {"type": "boolean"},
            "comments": TEXT,
            "metadata": ANY,
        },
    },
    "Segmentador": {
        **_OPEN_ENDED,
        "properties": {
            **{"name": TEXT, "role": TEXT, "email": TEXT, "created_at": TEXT},
            **{"mail_off": FLAG, "mail_language": {"enum": ["es", "en"]}},
        },
    },
    "Listing": object_of(
        "batches",
        "pagination",
        batches=_list(ref("Batch")),
        pagination=object_of(page=WHOLE, per_page=WHOLE, total=WHOLE, total_pages=WHOLE),
        revs={"type": "object", "additionalProperties": WHOLE},
    ),
    "Progress": object_of(
        "totals",
        "people",
        totals=object_of(**_COUNTS, unassigned=WHOLE, overdue=WHOLE),
        people=_list(object_of("name", name=TEXT, **_COUNTS, percent={"type": "number"}, overdue=WHOLE)),
    ),
    "Receipt": object_of(
        "success",
        "message",
        success={"const": True},
        message=TEXT,
        operation=TEXT,
        at={"type": "string", "format": "date-time"},
        rev={"type": ["integer", "null"]},
        changed=WHOLE,
        **dict.fromkeys(("unchanged", "overtaken"), IDS),
    ),
    "Task": object_of(
        *("id", "kind", "state"),
        **dict.fromkeys(("id", "kind", "about", "step"), TEXT),
        state={"enum": ["running", "done", "failed", "cancelled"]},
        seconds={"type": "number"},
        result={"type": ["object", "null"]},
        error={"type": ["string", "null"]},
        nearest=IDS,
        conflict=ANY,
    ),
    "Status": object_of(
        *("safe", "light", "lines"),
        safe={"type": "boolean"},
        light=_LIGHT,
        shield=_LIGHT,
        good_copy=_MOMENT,
        measured=_MOMENT,
        lines=_list(
            object_of(
                *("key", "name", "state", "value"),
                **dict.fromkeys(("key", "name", "value", "advice"), TEXT),
                state=_LIGHT,
                since=_MOMENT,
                standing={"type": "boolean"},
            )
        ),
    ),
    "Backup": object_of("id", "state", id=TEXT, state=TEXT, moment=TEXT, batches=WHOLE, bytes=WHOLE, reason=TEXT),
    "RestorePlan": object_of(
        "plan",
        plan=TEXT,
        **dict.fromkeys(("created", "changed", "brought_back", "deleted", "unchanged", "kept", "skipped"), WHOLE),
        changes=_list(ANY),
        last_change={"type": ["object", "null"]},
    ),
    "Intake": object_of(
        "plan",
        plan=TEXT,
        **dict.fromkeys(("rows", "error", "conflict", "changed", "new", "unchanged", "deleted", "unnamed"), WHOLE),
        fields=IDS,
        taken=IDS,
        ignored=IDS,
        lines=_list(ANY),
    ),
    "Error": object_of("success", "error", success={"const": False}, error=TEXT),
}
