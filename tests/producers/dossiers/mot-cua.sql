CREATE TABLE HoSo (
    SoHoSo            varchar(50) NOT NULL PRIMARY KEY,
    DonVi             varchar(35),
    TinhTrang         varchar(60) NOT NULL,
    HinhThucNop       varchar(30) NOT NULL,
    NguonDuLieu       varchar(20) NOT NULL,
    TenNguoiNop       varchar(200),
    DienThoaiNguoiNop varchar(40),
    DienThoaiUyQuyen  varchar(40),
    DienThoaiChuHoSo  varchar(40),
    NgayNhan          timestamp NULL,
    NgayHen           timestamp NULL,
    NgayXong          timestamp NULL,
    DaXacNhanKetQua   smallint,
    LoaiKetQua        varchar(60),
    NgayXoa           timestamp NULL,
    NgaySua           timestamp NULL
);
CREATE INDEX HoSo_NgaySua ON HoSo (NgaySua);
CREATE TABLE PhieuThu (
    PhieuThuId bigint NOT NULL PRIMARY KEY,
    SoHoSo     varchar(50) NOT NULL,
    TongTien   numeric(15, 0) NOT NULL,
    TinhTrang  varchar(60) NOT NULL,
    CachThu    varchar(30),
    NgayLap    timestamp NULL,
    NgaySua    timestamp NULL
);
CREATE INDEX PhieuThu_NgaySua ON PhieuThu (NgaySua);
