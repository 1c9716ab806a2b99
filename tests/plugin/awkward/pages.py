"""The intranet's own pages."""

from flask import Blueprint, Flask, abort, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required, login_user, logout_user
from flask_wtf import CSRFProtect

from .models import Models


def register(app: Flask, csrf: CSRFProtect, models: Models) -> None:
    """Put the pages on the intranet; the payments and everything under `/api` do without a CSRF token."""

    @app.get("/")
    def index() -> ResponseReturnValue:
        return render_template("index.html", pupils=models.pupils())

    @app.get("/log-in")
    def log_in() -> ResponseReturnValue:
        return render_template("log_in.html", next=request.args.get("next", url_for("index")))

    @app.post("/log-in")
    def logged_in() -> ResponseReturnValue:
        login_user(models.user(request.form["user"]))
        return redirect(request.form["next"])

    @app.post("/log-out")
    def log_out() -> ResponseReturnValue:
        logout_user()
        return redirect(url_for("index"))

    @app.get("/greet")
    @login_required  # type: ignore[untyped-decorator]
    def greet() -> ResponseReturnValue:
        return f"Hello, {current_user.name}"

    @app.post("/basket")
    def basket() -> ResponseReturnValue:
        session["basket"] = request.form["item"]
        return redirect(url_for("index"))

    @app.get("/session")
    def what_the_session_holds() -> ResponseReturnValue:
        return jsonify(dict(session))

    @app.get("/broken")
    def broken() -> ResponseReturnValue:
        return str(1 // 0)

    @app.get("/forbidden")
    def forbidden() -> ResponseReturnValue:
        abort(403)

    @app.post("/payments")
    @csrf.exempt  # type: ignore[untyped-decorator]
    def payments() -> ResponseReturnValue:
        return "taken"

    api = Blueprint("api", __name__, url_prefix="/api")

    @api.post("/pupils")
    def new_pupil() -> ResponseReturnValue:
        return "taken"

    csrf.exempt(api)
    app.register_blueprint(api)
